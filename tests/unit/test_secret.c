/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/remote/secret.h"

static char dir[] = "/tmp/test-secret.XXXXXX";
static char path[64];
static struct err err;

/* Not a key of anything: the right frame around zeros. */
#define BODY                                                                       \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
	"QyNTUxOQAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"   \
	"c2VjcmV0LXBhcnQtb2YtdGhlLWtleS1vbmUtdHdvLXRocmVlLWZvdXItZml2ZS1zaXgtcw\n"
#define OPEN_KEY \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n" BODY "-----END OPENSSH PRIVATE KEY-----\n"
#define LOCKED_KEY                                                                 \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n"                                    \
	"b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDlCDXXL7\n" \
	"AAAA\n-----END OPENSSH PRIVATE KEY-----\n"

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/key", dir);
}

static void
tear_down(void)
{
	unlink(path);
	rmdir(dir);
}

TestSuite(secret, .init = set_up, .fini = tear_down);

static void
put(const char *text, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "we");

	cr_assert_not_null(f);
	fwrite(text, 1, len, f);
	fclose(f);
	chmod(path, mode);
}

static void
refused(const char *text, enum err_code code, const char *words)
{
	put(text, strlen(text), 0600);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_eq(err.code, code, "%s", err.words);
	cr_assert_not_null(strstr(err.words, words), "%s", err.words);
	cr_assert_not_null(strstr(err.words, path), "%s", err.words);
}

Test(secret, a_plain_key_is_kept_as_it_is)
{
	struct secret *s;

	put(OPEN_KEY, strlen(OPEN_KEY), 0600);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s, "%s", err.words);
	cr_assert_str_eq(secret_text(s), OPEN_KEY);
	secret_free(s);
}

Test(secret, carriage_returns_a_byte_order_mark_and_a_missing_last_line_end_are_mended)
{
	char text[2048] = "\xef\xbb\xbf";
	size_t n = 3;
	struct secret *s;

	for (const char *p = OPEN_KEY; p[1]; p++) {
		if (*p == '\n')
			text[n++] = '\r';
		text[n++] = *p;
	}
	put(text, n, 0600);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s, "%s", err.words);
	cr_assert_str_eq(secret_text(s), OPEN_KEY);
	secret_free(s);
}

Test(secret, what_is_no_usable_key_is_refused_in_words_of_its_own)
{
	refused(
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@here\n", ERR_USAGE, "public key");
	refused(LOCKED_KEY, ERR_USAGE, "passphrase");
	refused(
	    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAA\n"
	    "-----END RSA PRIVATE KEY-----\n",
	    ERR_USAGE, "passphrase");
	refused("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n",
	    ERR_USAGE, "passphrase");
	refused("PuTTY-User-Key-File-2: ssh-rsa\n", ERR_USAGE, "puttygen");
	refused("", ERR_USAGE, "empty");
	refused(" \n\t\n", ERR_USAGE, "empty");
	refused("hello\n", ERR_USAGE, "not an SSH private key");
	refused("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n", ERR_USAGE,
	    "not an SSH private key");
	refused("-----BEGIN OPENSSH PRIVATE KEY-----\n" BODY, ERR_USAGE, "cut short");
}

Test(secret, a_binary_or_huge_file_is_no_key)
{
	char *big = malloc(SECRET_MAX + 1);

	put("-----BEGIN\0OPENSSH", 18, 0600);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_not_null(strstr(err.words, "binary"));
	memset(big, 'a', SECRET_MAX + 1);
	put(big, SECRET_MAX + 1, 0600);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_not_null(strstr(err.words, "larger"));
	free(big);
}

Test(secret, a_mode_that_lets_others_in_is_denied_with_its_mend)
{
	static const mode_t bad[] = {0604, 0660, 0620, 0602, 0601};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(OPEN_KEY, strlen(OPEN_KEY), bad[i]);
		cr_assert_null(secret_load_key(path, &err), "mode %o", bad[i]);
		cr_assert_eq(err.code, ERR_DENIED);
		cr_assert_not_null(strstr(err.words, "chmod 600"), "%s", err.words);
	}
}

Test(secret, our_own_group_may_read_as_a_mounted_secret_needs)
{
	struct secret *s;

	put(OPEN_KEY, strlen(OPEN_KEY), 0440);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s, "%s", err.words);
	secret_free(s);
}

Test(secret, another_group_or_owner_is_denied)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	put(OPEN_KEY, strlen(OPEN_KEY), 0440);
	cr_assert_eq(chown(path, 0, 54321), 0);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_eq(err.code, ERR_DENIED, "%s", err.words);
	put(OPEN_KEY, strlen(OPEN_KEY), 0600);
	cr_assert_eq(chown(path, 54321, 0), 0);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_eq(err.code, ERR_DENIED, "%s", err.words);
	cr_assert_not_null(strstr(err.words, "run as that uid"));
}

Test(secret, a_link_is_followed_to_what_counts)
{
	char link_path[80];
	struct secret *s;

	put(OPEN_KEY, strlen(OPEN_KEY), 0600);
	snprintf(link_path, sizeof link_path, "%s/link", dir);
	cr_assert_eq(symlink("key", link_path), 0);
	s = secret_load_key(link_path, &err);
	cr_assert_not_null(s, "%s", err.words);
	secret_free(s);
	unlink(link_path);
}

Test(secret, a_missing_file_a_directory_and_a_fifo_are_refused_at_once)
{
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_not_null(strstr(err.words, path));
	cr_assert_null(secret_load_key(dir, &err));
	cr_assert_eq(err.code, ERR_USAGE);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(secret_load_key(path, &err));
	cr_assert_eq(err.code, ERR_USAGE);
}

Test(secret, a_token_is_trimmed_and_has_one_word)
{
	struct secret *s;

	put("\n  sk-token-1234 \r\n", 18, 0600);
	s = secret_load_token(path, &err);
	cr_assert_not_null(s, "%s", err.words);
	cr_assert_str_eq(secret_text(s), "sk-token-1234");
	secret_free(s);
	put("two words\n", 10, 0600);
	cr_assert_null(secret_load_token(path, &err));
	put("\n", 1, 0600);
	cr_assert_null(secret_load_token(path, &err));
	cr_assert_not_null(strstr(err.words, "empty"));
}

Test(secret, the_log_knows_the_private_part)
{
	char text[] =
	    "x c2VjcmV0LXBhcnQtb2YtdGhlLWtleS1vbmUtdHdvLXRocmVlLWZvdXItZml2ZS1zaXgtcw";
	struct secret *s;

	put(OPEN_KEY, strlen(OPEN_KEY), 0600);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s);
	log_redact(text, strlen(text));
	cr_assert_null(strstr(text, "c2Vj"), "%s", text);
	cr_assert_not(secret_is_unknown(s));
	secret_free(s);
	memcpy(text + 2, "c2VjcmV0LXBhcnQtb2YtdGhl", 24);
	log_redact(text, strlen(text));
	cr_assert_not_null(strstr(text, "c2VjcmV0LXBhcnQtb2YtdGhl"), "%s", text);
}

Test(secret, a_child_finds_the_pages_wiped)
{
	struct secret *s;
	int status;
	pid_t pid;

	put(OPEN_KEY, strlen(OPEN_KEY), 0600);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s);
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
		_exit(secret_text(s)[0] == '\0' ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	/* Pages of memfd_secret are not there at all in a child. */
	if (secret_memory(s) == LOCKED_SECRETMEM)
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	else
		cr_assert_eq(status, 0);
	secret_free(s);
}

Test(secret, a_hardened_process_is_undumpable)
{
	cr_assert_eq(secret_harden_process(&err), 0);
	cr_assert_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

/* A key of each kind and format: its private half is known, its public half is not. */
static void
private_half(const char *how)
{
	char command[256], text[8192], line[8192];
	struct secret *s;
	size_t n, hidden;
	FILE *f;

	snprintf(command, sizeof command,
	    "rm -f %s; ssh-keygen -q -N '' -C a-comment-that-is-long-enough %s -f %s",
	    path, how, path);
	cr_assert_eq(system(command), 0, "%s", command);
	s = secret_load_key(path, &err);
	cr_assert_not_null(s, "%s", err.words);
	n = strlen(secret_text(s));
	memcpy(text, secret_text(s), n + 1);
	log_redact(text, n);
	for (size_t i = hidden = 0; i < n; i++)
		hidden += text[i] != secret_text(s)[i];
	cr_assert(hidden >= 40, "%s: only %zu bytes of\n%s", how, hidden, text);
	snprintf(line, sizeof line, "%s.pub", path);
	f = fopen(line, "re");
	cr_assert_not_null(f);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	unlink(line);
	text[n] = '\0';
	memcpy(line, text, n + 1);
	log_redact(text, n);
	cr_assert_str_eq(text, line, "%s", how);
	secret_free(s);
}

Test(secret, of_each_kind_of_key_the_private_half_is_hidden)
{
	private_half("-t ed25519");
	private_half("-t ecdsa");
	private_half("-t rsa -b 2048");
	private_half("-t rsa -b 2048 -m PEM");
	private_half("-t ecdsa -m PEM");
	private_half("-t rsa -b 2048 -m PKCS8");
	private_half("-t ecdsa -m PKCS8");
}
