/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/shim_line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *
shim_wrong(int argc, char *const *argv)
{
	const char *host = argc > 1 ? argv[1] : "";

	if (argc < 2)
		return "no host is named";
	if (host[0] == '-' || (argc > 2 && argv[2][0] == '-'))
		return "there are no options here";
	if (strcmp(host, "devvm") != 0 && strcmp(host, "pve") != 0)
		return strchr(host, '@')
		    ? "no user is named here, the host knows who you are"
		    : "there are two hosts, devvm and pve";
	if (argc == 2)
		return host[0] == 'd' ? "a shell without a command is not offered"
				      : "no verb is named";
	return NULL;
}

static char *
put_base64(char *out, const unsigned char *in, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)in[i] << 16;

		v |= have > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		v |= have > 2 ? in[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = have > 1 ? digits[v >> 6 & 63] : '=';
		*out++ = have > 2 ? digits[v & 63] : '=';
	}
	return out;
}

size_t
shim_line(const char *host, char *const *words, bool has_input, char *out)
{
	static char command[SHIM_COMMAND_MAX];
	size_t len = 0;
	char *p = out;

	for (char *const *w = words; *w; w++) {
		size_t n = strlen(*w), space = w != words;

		if (n + space > sizeof command - len)
			return 0;
		if (space)
			command[len++] = ' ';
		memcpy(command + len, *w, n);
		len += n;
	}
	p += sprintf(p,
	    "{\"t\":\"hello\",\"v\":1,\"role\":\"shim\"}\n"
	    "{\"t\":\"run\",\"host\":\"%s\",\"command_b64\":\"",
	    host);
	p = put_base64(p, (unsigned char *)command, len);
	p += sprintf(p, "\",\"stdin\":%s}\n", has_input ? "true" : "false");
	return (size_t)(p - out);
}

size_t
shim_refusal(const char *why, int argc, char *const *argv, char *out)
{
	char shown[SHIM_SHOWN_MAX];
	size_t len = 0;
	char *p = out;

	for (int i = 1; i < argc && len < sizeof shown; i++) {
		size_t n = strlen(argv[i]);

		if (i > 1)
			shown[len++] = ' ';
		n = n < sizeof shown - len ? n : sizeof shown - len;
		memcpy(shown + len, argv[i], n);
		len += n;
	}
	p += sprintf(p,
	    "{\"t\":\"hello\",\"v\":1,\"role\":\"shim\"}\n"
	    "{\"t\":\"refused\",\"why\":\"%.100s\",\"command_b64\":\"",
	    why);
	p = put_base64(p, (unsigned char *)shown, len);
	p += sprintf(p, "\"}\n");
	return (size_t)(p - out);
}

char *
shim_denied(char *line)
{
	static const char key[] = "\"text\":\"";
	char *from = strstr(line, key), *to, *text;

	if (!from)
		return NULL;
	text = to = from += sizeof key - 1;
	for (; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return text;
}
