/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * launcher_box.h: what holds a program of the agent, beside an empty environment.
 *
 * A box is filled from options and put on by the process that becomes the program:
 *
 *   brand, limits -> view -> privileges -> Landlock -> seccomp -> exec
 *
 * Each mechanism stands alone: where the kernel or a container does not have one,
 * the others hold, and box_report says what is left open.  A mechanism that is there
 * and fails is an error, so that nothing is weaker than what was reported.
 */
#ifndef AGENT_LAUNCHER_BOX_H
#define AGENT_LAUNCHER_BOX_H

#include <stdbool.h>
#include <stddef.h>

#define BOX_RULES_MAX 128

enum box_net {
	BOX_NET_ANY,
	BOX_NET_NONE, /* AF_UNIX alone */
	BOX_NET_PORT, /* TCP to one port; with names: UDP too */
};

enum box_kind {
	BOX_READ,
	BOX_RUN,     /* read and run */
	BOX_WRITE,   /* all but devices */
	BOX_DEVICE,  /* read and write a device */
	BOX_CONNECT, /* the sockets in it */
};

struct box_rule {
	enum box_kind kind;
	const char *path;
};

struct box {
	bool on; /* any of the options was given */
	struct box_rule rules[BOX_RULES_MAX];
	int n;
	bool view, seccomp;
	enum box_net net;
	int port;
	bool names;
	unsigned long long memory; /* bytes of data a process may have; 0: no cap */
	unsigned long long file;   /* bytes of a file it may write; 0: no cap */
	bool counted;		   /* no memory that the cap would not count */

	/* what came of it, after box_put_on */
	int abi;	  /* of Landlock; 0: none */
	bool has_seccomp; /* the filter is in */
	bool has_view;
	bool has_net; /* the network is a namespace of its own */
	bool privileged;
	const char *failed; /* which step, when it failed; errno says why */
};

/*
 * Takes "--landlock", "--view", "--seccomp", "--net", "--memory", "--file" or "--shared"
 * and its value.
 * 1: taken, 0: another option, -1: malformed or one too many.  Keeps value.
 *
 *   --landlock system       programs, libraries, certificates, what /etc says to all
 *              proc, self   /proc; the program's own folder there, not its children's
 *              K:PATH       K of r x w d c, as enum box_kind
 *   --view on               nothing else can be seen: a mount namespace, where possible
 *   --seccomp on            no tracing, namespaces, mounts, kernel keys, odd sockets
 *   --net none|any|port:N[,names]
 *   --memory BYTES
 *   --file BYTES
 *   --shared none           with --seccomp: no memory that --memory does not count
 */
int box_option(struct box *b, const char *name, const char *value);

/* 0, or -1 with b->failed and errno.  After it the process is the program's. */
int box_put_on(struct box *b);

/* Puts it on in a child, tries what it promises, and says on standard output what holds
 * ("word TEXT") and what does not ("open TEXT").  Returns an exit status. */
int box_report(struct box *b);

/* ---- the mechanisms; each -1 with errno ---- */

#define BOX_VIEW_MARK "/.breakglass-view" /* the root of a view holds it */

void box_brand(void); /* what no process of it can take off; see docs/sandbox.md */
int box_limit_memory(unsigned long long bytes);
int box_limit_file(unsigned long long bytes);
void box_limit_priority(void);
int box_drop_privileges(void);
bool box_is_privileged(void);
int box_view_enter(struct box *b); /* sets has_view, has_net */
int box_landlock_abi(void);
int box_landlock_enforce(const struct box *b, int abi);
int box_seccomp_load(const struct box *b); /* 1: this kernel or container has none */

#endif
