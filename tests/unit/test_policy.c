/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent may do: every row of both tables at every level, written out here. */
#include <criterion/criterion.h>

#include "engine/remote/policy.h"
#include "wire/messages.h"

static struct policy out;

static enum policy_says
ask_n(const struct policy_now *now, const char *host, const char *command, size_t len)
{
	memset(&out, 'x', sizeof out);
	policy_of_agent(now,
	    &(struct policy_ask){
		.host = host, .host_len = strlen(host), .command = command, .len = len},
	    &out);
	return out.says;
}

/* With a standard input of which so many bytes are known. */
static enum policy_says
ask_input(const struct policy_now *now, const char *command, size_t len, size_t input_len)
{
	policy_of_agent(now,
	    &(struct policy_ask){.host = "devvm",
		.host_len = 5,
		.command = command,
		.len = len,
		.has_input = true,
		.input_len = input_len},
	    &out);
	return out.says;
}

static enum policy_says
ask(const struct policy_now *now, const char *host, const char *command)
{
	return ask_n(now, host, command, strlen(command));
}

static const struct policy_now free_hand = {
    .autonomy = AUTONOMY_AUTONOMOUS, .verbs_hour_max = 3};

/* The table of docs/policy.md: R refused, A asks, F free. */
static const struct {
	const char *host, *command, *levels; /* at observe, repair, autonomous */
	bool guarded;
} rules[] = {
    {"devvm", "uptime", "AFF", false},
    {"pve", "status", "FFF", false},
    {"pve", "forensics", "FFF", false},
    {"pve", "start", "RAF", true},
    {"pve", "stop", "RAF", true},
    {"pve", "reset", "RAF", true},
    {"pve", "cycle", "RAF", true},
};
#define RULES (sizeof rules / sizeof rules[0])

static enum policy_says
meant(char letter)
{
	return letter == 'R' ? POLICY_REFUSE : letter == 'A' ? POLICY_ASK : POLICY_RUN;
}

Test(policy, every_row_at_every_level)
{
	for (size_t i = 0; i < RULES; i++)
		for (int level = 0; level < AUTONOMY_LEVELS; level++) {
			struct policy_now now = free_hand;

			now.autonomy = (enum autonomy)level;
			cr_expect_eq(ask(&now, rules[i].host, rules[i].command),
			    meant(rules[i].levels[level]), "%s %s at %s: %d",
			    rules[i].host, rules[i].command, autonomy_name(now.autonomy),
			    out.says);
			cr_expect_eq(out.text[0] != '\0', out.says != POLICY_RUN,
			    "%s: words", rules[i].command);
		}
}

Test(policy, the_kill_switch_comes_first_and_refuses_all)
{
	for (size_t i = 0; i < RULES; i++)
		for (int level = 0; level < AUTONOMY_LEVELS; level++) {
			struct policy_now now = free_hand;

			now.autonomy = (enum autonomy)level;
			now.killed = true;
			cr_expect_eq(ask(&now, rules[i].host, rules[i].command),
			    POLICY_REFUSE, "%s", rules[i].command);
			cr_expect_str_eq(out.text, POLICY_KILLED);
			cr_expect_eq(policy_of_block(&now), POLICY_REFUSE);
		}
}

Test(policy, the_cap_is_for_guarded_verbs_and_exact)
{
	for (size_t i = 0; i < RULES; i++)
		for (int max = 0; max <= 4; max++)
			for (int used = 0; used <= 5; used++) {
				struct policy_now now = free_hand;
				bool over = rules[i].guarded && used >= max;

				now.verbs_hour = used;
				now.verbs_hour_max = max;
				cr_expect_eq(ask(&now, rules[i].host, rules[i].command),
				    over ? POLICY_ASK : POLICY_RUN, "%s %d of %d",
				    rules[i].command, used, max);
			}
}

Test(policy, what_the_cap_asks_names_the_figures)
{
	struct policy_now now = free_hand;

	now.verbs_hour = 3;
	ask(&now, "pve", "reset");
	cr_expect(strstr(out.text, "reset VM 102") &&
	    strstr(out.text, "3 mutating verbs") &&
	    strstr(out.text, "agent_verbs_per_hour 3"));
	now.verbs_hour = now.verbs_hour_max = 1;
	ask(&now, "pve", "reset");
	cr_expect(strstr(out.text, "1 mutating verb within"));
	now.verbs_hour_max = 0;
	ask(&now, "pve", "cycle");
	cr_expect(
	    strstr(out.text, "no mutating verb by itself (agent_verbs_per_hour 0)"));
}

Test(policy, the_interlock_holds_guarded_verbs_that_would_go)
{
	for (size_t i = 0; i < RULES; i++)
		for (int level = 0; level < AUTONOMY_LEVELS; level++) {
			struct policy_now now = free_hand;
			enum policy_says without;

			now.autonomy = (enum autonomy)level;
			without = ask(&now, rules[i].host, rules[i].command);
			now.interlock = true;
			cr_expect_eq(ask(&now, rules[i].host, rules[i].command),
			    without == POLICY_RUN && rules[i].guarded ? POLICY_PROBE
								      : without,
			    "%s", rules[i].command);
		}
}

/* A person who has to be asked for another reason is asked once, without a probe. */
Test(policy, the_cap_comes_before_the_interlock)
{
	struct policy_now now = free_hand;

	now.interlock = true;
	now.verbs_hour = 3;
	cr_expect_eq(ask(&now, "pve", "cycle"), POLICY_ASK);
}

Test(policy, a_healthy_devvm_makes_a_verb_ask_and_a_failing_one_lets_it)
{
	struct policy_now now = free_hand;

	now.interlock = true;
	cr_assert_eq(ask(&now, "pve", "cycle"), POLICY_PROBE);
	policy_probed(&out, true, 812);
	cr_expect_eq(out.says, POLICY_ASK);
	cr_expect(strstr(out.text, "cycle VM 102") && strstr(out.text, "812 ms"), "%s",
	    out.text);
	ask(&now, "pve", "cycle");
	policy_probed(&out, false, 0);
	cr_expect_eq(out.says, POLICY_RUN);
}

Test(policy, there_are_two_hosts_and_no_third_spelling)
{
	static const char *const hosts[] = {"", "pv", "pvee", "PVE", "devvm ", " devvm",
	    "root@pve", "devvm\n", "-oProxyCommand=x", "192.168.1.127", "devv"};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		cr_expect_eq(
		    ask(&free_hand, hosts[i], "status"), POLICY_REFUSE, "%s", hosts[i]);
		cr_expect_eq(out.host, -1);
		cr_expect(strstr(out.text, "two hosts"));
	}
	/* length counts: "pve" and a NUL is not pve */
	policy_of_agent(&free_hand,
	    &(struct policy_ask){
		.host = "pve\0", .host_len = 4, .command = "status", .len = 6},
	    &out);
	cr_expect_eq(out.says, POLICY_REFUSE);
}

Test(policy, a_verb_is_its_bytes_and_nothing_around_them)
{
	static const char *const words[] = {"", "cycl", "cycles", "Cycle", " cycle",
	    "cycle ", "cycle;id", "cycle\n", "status forensics", "reboot", "--cycle"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		cr_expect_eq(
		    ask(&free_hand, "pve", words[i]), POLICY_REFUSE, "%s", words[i]);
		cr_expect_eq(out.verb, -1);
		cr_expect(strstr(out.text, "exactly one of"));
	}
	cr_expect_eq(ask_n(&free_hand, "pve", "cycle\0x", 7), POLICY_REFUSE);
	cr_expect_eq(ask(&free_hand, "pve", "cycle"), POLICY_RUN);
	cr_expect_eq(out.verb, VERB_CYCLE);
}

Test(policy, a_command_has_a_length)
{
	static char text[WIRE_COMMAND_MAX + 1];
	struct policy_now now = free_hand;

	memset(text, 'a', sizeof text);
	cr_expect_eq(ask_n(&now, "devvm", text, 0), POLICY_REFUSE);
	cr_expect(strstr(out.text, "needs a command"));
	cr_expect_eq(ask_n(&now, "devvm", text, WIRE_COMMAND_MAX), POLICY_RUN);
	cr_expect_eq(ask_n(&now, "devvm", text, WIRE_COMMAND_MAX + 1), POLICY_REFUSE);
	cr_expect(strstr(out.text, "32 KiB: send a file"));
	now.autonomy = AUTONOMY_OBSERVE;
	cr_expect_eq(ask_n(&now, "devvm", text, WIRE_CHUNK_MAX), POLICY_ASK);
	cr_expect(strstr(out.text, "on the devvm (autonomy observe)"), "%s", out.text);
	cr_expect_eq(ask_n(&now, "devvm", text, WIRE_CHUNK_MAX + 1), POLICY_REFUSE);
	cr_expect_eq(out.verb, -1);
}

Test(policy, what_somebody_has_to_read_is_command_and_standard_input)
{
	static char text[WIRE_COMMAND_MAX];
	struct policy_now now = free_hand;

	memset(text, 'a', sizeof text);
	cr_expect_eq(ask_input(&now, text, sizeof text, sizeof text), POLICY_RUN);
	now.autonomy = AUTONOMY_OBSERVE;
	cr_expect_eq(ask_input(&now, text, 100, WIRE_CHUNK_MAX - 100), POLICY_ASK);
	cr_expect(strstr(out.text, "with standard input (autonomy observe)"));
	cr_expect_eq(ask_input(&now, text, 100, WIRE_CHUNK_MAX - 99), POLICY_REFUSE);
	cr_expect(strstr(out.text, "standard input") && strstr(out.text, "32 KiB"));
	cr_expect_eq(ask_input(&now, text, sizeof text, 0), POLICY_ASK);
	cr_expect_eq(ask_input(&now, text, sizeof text, 1), POLICY_REFUSE);
}

Test(policy, a_block_that_writes_asks_at_observe_only)
{
	struct policy_now now = free_hand;

	cr_expect_eq(policy_of_block(&now), POLICY_RUN);
	now.autonomy = AUTONOMY_REPAIR;
	cr_expect_eq(policy_of_block(&now), POLICY_RUN);
	now.autonomy = AUTONOMY_OBSERVE;
	cr_expect_eq(policy_of_block(&now), POLICY_ASK);
}

Test(policy, each_row_has_its_reason)
{
	for (int v = 0; v < VERBS; v++) {
		cr_expect(strlen(verb_rows[v].reason) > 20, "%s", verb_rows[v].name);
		cr_expect_eq(verb_rows[v].guard == VERB_GUARDED, verb_rows[v].mutating);
	}
	for (int h = 0; h < HOST_IDS; h++)
		cr_expect(strlen(host_rows[h].reason) > 20, "%s", host_rows[h].name);
}

Test(policy, levels_have_names)
{
	for (int level = 0; level < AUTONOMY_LEVELS; level++)
		cr_expect(autonomy_by_name(autonomy_name((enum autonomy)level)) == level);
	cr_expect_eq(autonomy_by_name("repai"), -1);
	cr_expect_eq(autonomy_by_name(""), -1);
}
