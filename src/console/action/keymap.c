/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action/keymap.h"

#include <stdio.h>
#include <string.h>

#include "wire/verbs.h"

#define CTRL(letter) INPUT_CTRL, letter

/* F-keys in their order, then what has no F-key: this order is the help's. */
const struct keymap_row keymap_rows[] = {
    {ACTION_HELP, 1, INPUT_NONE, 0, NULL, "help", NULL, "help", "this page"},
    {ACTION_VERB_STATUS, 2, INPUT_NONE, 0, NULL, "status", NULL, "status", NULL},
    {ACTION_VERB_FORENSICS, 3, INPUT_NONE, 0, NULL, "forensics", NULL, "forensics", NULL},
    {ACTION_VERB_START, 4, INPUT_NONE, 0, NULL, "start", NULL, "start", NULL},
    {ACTION_VERB_STOP, 5, INPUT_NONE, 0, NULL, "stop", NULL, "stop", NULL},
    {ACTION_VERB_RESET, 6, INPUT_NONE, 0, NULL, "reset", NULL, "reset", NULL},
    {ACTION_VERB_CYCLE, 7, INPUT_NONE, 0, NULL, "cycle", NULL, "cycle", NULL},
    {ACTION_CANCEL, 8, CTRL('C'), "Ctrl-C", "cancel", NULL, "stop AI",
	"stop the agent's turn; what runs on the hosts is told"},
    {ACTION_SHELL, 9, INPUT_NONE, 0, NULL, "shell", NULL, NULL,
	"a shell on the devvm; Ctrl-] comes back"},
    {ACTION_DETACH, 10, INPUT_NONE, 0, NULL, "detach", NULL, "detach",
	"leave; everything goes on without you"},
    {ACTION_DETACH_IF_EMPTY, 0, CTRL('D'), "Ctrl-D", NULL, NULL, NULL,
	"on an empty prompt: detach"},
    {ACTION_VERDICT, 0, INPUT_NONE, 0, NULL, "verdict", NULL, NULL,
	"all of the verdict: evidence, advice, what not to press, the last proof"},
    {ACTION_SCREEN, 0, INPUT_NONE, 0, NULL, "screen", NULL, NULL,
	"the guest's screen as last captured: panics are read there"},
    {ACTION_TRIAGE, 0, INPUT_NONE, 0, NULL, "triage", NULL, NULL,
	"what is wrong: host, guest, disk, memory, services in one look"},
    {ACTION_MEMORY, 0, INPUT_NONE, 0, NULL, "memory", NULL, NULL,
	"who eats the memory, and what the kernel killed"},
    {ACTION_DISK, 0, INPUT_NONE, 0, NULL, "disk", NULL, NULL,
	"what fills the disk, and errors of its device"},
    {ACTION_SERVICES, 0, INPUT_NONE, 0, NULL, "services", NULL, NULL,
	"failed units, with their last words"},
    {ACTION_QEMU, 0, INPUT_NONE, 0, NULL, "qemu", NULL, NULL,
	"is QEMU wedged: which verb helps, which does not"},
    {ACTION_RUNBOOK, 0, INPUT_NONE, 0, NULL, "runbook", "NAME", NULL,
	"any runbook, by the agent that answers; without a name: the list"},
    {ACTION_OFFLINE, 0, INPUT_NONE, 0, NULL, "offline", "NAME", NULL,
	"the same by its own commands, without a model"},
    {ACTION_ANSWER, 11, INPUT_NONE, 0, NULL, "answer", "y|n", NULL,
	"what the agent asks of you; Enter on an empty prompt opens it, too"},
    {ACTION_LOWER, 12, INPUT_NONE, 0, NULL, "lower", NULL, NULL,
	"the agent may do one level less, at once"},
    {ACTION_KILL, 0, CTRL('\\'), "Ctrl-\\", "kill", "off", NULL,
	"kill switch: the agent ends at once and is refused; \"off\" lifts it"},
    {ACTION_DRIVE, 0, INPUT_NONE, 0, NULL, "drive", NULL, NULL,
	"take over: you act, the others watch; at once, and they see it"},
    {ACTION_WATCH, 0, INPUT_NONE, 0, NULL, "watch", NULL, NULL,
	"give the baton back: who acts next drives"},
    {ACTION_UNLOCK, 0, INPUT_NONE, 0, NULL, "unlock", NULL, NULL,
	"the keys act again that wait because nobody touched this console for long"},
    {ACTION_WHO, 0, INPUT_NONE, 0, NULL, "who", NULL, NULL,
	"who is here, how well that is proven, and who drives"},
    {ACTION_BANNERS, 0, INPUT_NONE, 0, NULL, "banners", NULL, NULL,
	"all of the lines below the top that must not be overlooked"},
    {ACTION_COLD, 0, INPUT_NONE, 0, NULL, "cold", NULL, NULL,
	"the cold case: what to do when the PVE host is silent, too"},
    {ACTION_TOUR, 0, INPUT_NONE, 0, NULL, "tour", NULL, NULL,
	"what a newcomer is told: how it stands, what to press, what is safe"},
    {ACTION_AGENT, 0, INPUT_NONE, 0, NULL, "agent", "auto|cli|api|runbook ENDPOINT", NULL,
	"who answers from now on; alone: who does, why, and what it may still use"},
    {ACTION_PAGE_UP, 0, INPUT_PGUP, 0, "PgUp", NULL, NULL, NULL, "scroll the pane up"},
    {ACTION_PAGE_DOWN, 0, INPUT_PGDN, 0, "PgDn", NULL, NULL, NULL,
	"scroll down; at the end it follows again"},
    {ACTION_TO_START, 0, INPUT_NONE, 0, NULL, "top", NULL, NULL,
	"to the oldest line kept"},
    {ACTION_OLDER, 0, INPUT_NONE, 0, NULL, "older", NULL, NULL,
	"to the top, and what is older still; PgUp at the top, too"},
    {ACTION_TO_END, 0, INPUT_NONE, 0, NULL, "bottom", NULL, NULL,
	"to the newest line, and follow"},
    {ACTION_BROWSE, 0, CTRL('T'), "Ctrl-T", "browse", NULL, NULL,
	"read, find, copy with keys, which the bottom row names"},
    {ACTION_FIND, 0, INPUT_NONE, 0, NULL, "find", "TEXT", NULL,
	"look for TEXT in the pane that has the focus; n is the next"},
    {ACTION_NEWLINE, 0, INPUT_ALT, '\r', "Alt-Enter", NULL, NULL, NULL,
	"a new line in the prompt; so does a backslash at the end, and Enter"},
    {ACTION_RECALL, 0, INPUT_NONE, 0, "Up/Down", NULL, NULL, NULL,
	"the lines of the prompt, then what was typed before; Ctrl-R looks for it"},
    {ACTION_PALETTE, 0, INPUT_NONE, 0, "/", NULL, NULL, NULL,
	"on an empty prompt: the list of commands"},
    {ACTION_FOCUS, 0, INPUT_TAB, 0, "Tab", "pane", NULL, NULL,
	"on an empty prompt: the other pane"},
    {ACTION_ZOOM, 0, CTRL('O'), "Ctrl-O", "zoom", NULL, NULL,
	"one pane on the whole screen, and back"},
    {ACTION_OPEN, 0, INPUT_NONE, 0, NULL, "open", "RUN", NULL,
	"a run (r12) in the tool pane, with all of its output; alone: the latest"},
    {ACTION_FAILED, 0, INPUT_NONE, 0, NULL, "failed", NULL, NULL,
	"to the next older run that went wrong; again: the one before it"},
    {ACTION_FOLD, 0, INPUT_NONE, 0, NULL, "fold", "RUN", NULL,
	"a run without its output, and back; alone: all that have ended"},
    {ACTION_SPLIT, 0, INPUT_NONE, 0, NULL, "split", "N", NULL,
	"the chat pane gets N percent (20 to 80); alone: the usual half again"},
    {ACTION_THEME, 0, INPUT_NONE, 0, NULL, "theme", "NAME", NULL,
	"dark, light, mono or contrast, at once; alone: which one is on"},
    {ACTION_COPY, 0, INPUT_NONE, 0, NULL, "copy", "RUN|HOW", NULL,
	"the selection, a run, else the last answer; HOW: again by osc52, print or file"},
    {ACTION_SAVE, 0, INPUT_NONE, 0, NULL, "save", "RUN", NULL,
	"the same into a file beside the journal"},
    {ACTION_VIEW, 0, INPUT_NONE, 0, NULL, "view", "RUN", NULL, "the same in your pager"},
    {ACTION_DROP, 0, INPUT_NONE, 0, NULL, "drop", "TURN", NULL,
	"take a prompt that waits back; without a number: the youngest"},
    {ACTION_END, 0, INPUT_NONE, 0, NULL, "end", "RUN", NULL,
	"close a run (r12) of the agent or of yours; never a mutating verb"},
    {ACTION_ACCEPT, 0, INPUT_NONE, 0, NULL, "accept", "HOST", NULL,
	"accept the changed key of pve or devvm; shows its fingerprint first"},
    {ACTION_NOTE, 0, INPUT_NONE, 0, NULL, "note", "TEXT", NULL,
	"write TEXT into the journal"},
    {ACTION_OBSERVE, 0, INPUT_NONE, 0, NULL, "observe", NULL, NULL,
	"the agent may only look, from now on"},
    {ACTION_REPAIR, 0, INPUT_NONE, 0, NULL, "repair", NULL, NULL,
	"the agent may repair the devvm, no power verbs"},
    {ACTION_AUTONOMOUS, 0, INPUT_NONE, 0, NULL, "autonomous", NULL, NULL,
	"the agent may use the power verbs by itself"},
    {ACTION_RETRY, 0, INPUT_NONE, 0, NULL, "retry", NULL, NULL,
	"try the journal's disk again now, when no disk takes it"},
    {ACTION_REPLAY, 0, INPUT_NONE, 0, NULL, "replay", "INCIDENT", NULL,
	"an incident again, on this screen; q comes back; alone: the newest"},
    {ACTION_NEW, 0, INPUT_NONE, 0, NULL, "new", NULL, NULL, "open a new incident"},
    {ACTION_CLOSE, 0, INPUT_NONE, 0, NULL, "close", NULL, NULL, "close this incident"},
    {ACTION_REDRAW, 0, CTRL('L'), "Ctrl-L", NULL, NULL, NULL, "draw the screen anew"},
    {ACTION_SUSPEND, 0, CTRL('Z'), "Ctrl-Z", NULL, NULL, NULL,
	"suspend this console (fg comes back)"},
};
const size_t keymap_count = sizeof keymap_rows / sizeof keymap_rows[0];

enum action
keymap_key(const struct input *in)
{
	if (in->kind == INPUT_ALT && in->n >= '0' && in->n <= '9')
		return keymap_digit((char)in->n);
	for (size_t i = 0; i < keymap_count; i++) {
		const struct keymap_row *r = &keymap_rows[i];

		if (in->kind == INPUT_F && r->fkey > 0 && r->fkey == in->n)
			return r->action;
		if (r->kind != INPUT_NONE && r->kind == in->kind && r->n == in->n)
			return r->action;
	}
	return ACTION_NONE;
}

enum action
keymap_digit(char digit)
{
	int fkey = digit == '0' ? 10 : digit - '0';

	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey == fkey)
			return keymap_rows[i].action;
	return ACTION_NONE;
}

enum action
keymap_slash(const char *line, const char **args)
{
	size_t len;

	if (line[0] != '/')
		return ACTION_NONE;
	len = strcspn(++line, " ");
	*args = line + len + strspn(line + len, " ");
	for (size_t i = 0; i < keymap_count; i++) {
		const char *slash = keymap_rows[i].slash;

		if (slash && strlen(slash) == len && memcmp(slash, line, len) == 0)
			return keymap_rows[i].action;
	}
	return ACTION_NONE;
}

int
keymap_verb(enum action a)
{
	if (a < ACTION_VERB_STATUS || a > ACTION_VERB_CYCLE)
		return -1;
	return (int)(a - ACTION_VERB_STATUS) + VERB_STATUS;
}

const char *
keymap_preset(enum action a)
{
	return a < ACTION_TRIAGE || a > ACTION_QEMU ? NULL : keymap_row(a)->slash;
}

bool
keymap_is_linear(enum action a)
{
	switch (a) {
	case ACTION_FOCUS:
	case ACTION_ZOOM:
	case ACTION_FOLD:
	case ACTION_SPLIT:
	case ACTION_THEME:
	case ACTION_BROWSE:
	case ACTION_NEWLINE:
	case ACTION_RECALL:
	case ACTION_PALETTE:
	case ACTION_COPY:
	case ACTION_SAVE:
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
	case ACTION_FAILED:
	case ACTION_TO_START:
	case ACTION_TO_END:
	case ACTION_SHELL:
	case ACTION_TOUR:
	case ACTION_FIND:
	case ACTION_REPLAY:
	case ACTION_BANNERS:
	case ACTION_REDRAW:
	case ACTION_SUSPEND:
		return false;
	default:
		return true;
	}
}

void
keymap_verb_label(int verb, bool keys, char *out, size_t size)
{
	if (verb < 0)
		out[0] = '\0';
	else if (keys)
		snprintf(out, size, "F%d %s", verb_rows[verb].fkey, verb_rows[verb].name);
	else
		snprintf(out, size, "/%s", verb_rows[verb].name);
}

const struct keymap_row *
keymap_row(enum action a)
{
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].action == a)
			return &keymap_rows[i];
	return NULL;
}
