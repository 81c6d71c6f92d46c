/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "markdowns.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const blocks[] = {
    "# What is wrong\n\n",
    "## Disk **full**\n\n",
    "The *journal* of `ssh.service` says that the disk is full; see "
    "[the manual](https://example.org/a?b=1&amp;c=2).\n\n",
    "A paragraph of\nseveral short\nlines, with **bold that\ngoes on** and `code`.\n\n",
    "- one\n- two\n  - nested\n  - nested more\n- three\n\n",
    "- loose\n\n- list\n\n  with a second paragraph\n\n",
    "* [ ] not done\n* [x] done\n\n",
    "1. stop\n2. start\n   ```sh\n   breakglass start\n\n   echo done\n   ```\n3. look\n\n",
    "10. ten\n11. eleven\n\n    code or paragraph\n\n",
    "> a quote\n> of two lines\n>\n> - with a list\n\n",
    "```bash\nsystemctl --failed\n\njournalctl -u ssh -n 50 --no-pager\n```\n",
    "~~~\nplain ``` code\n~~~\n\n",
    "  ```\n  indented fence\n    more\n  ```\n\n",
    "| Unit | State | Since |\n|------|:-----:|------:|\n| ssh.service | failed | 03:12 |\n"
    "| a-very-long-unit-name@instance.service | active | 2026-11-27 03:12:07 |\n\n",
    "| a | b |\n|---|---|\n| `x|y` | <br> |\n\n",
    "---\n\n",
    "    indented code\n\n    and more\n\n",
    "Title\n=====\n\n",
    "Words, then at once\n- a list\n- of two\n\n",
    "Words before a fence\n```\nls\n```\nand words right behind.\n\n",
    "<b>HTML</b> &amp; &#27;[31m entities\n\n",
    "[ref]: https://example.org/hidden \"title\"\n\nSee [ref] and [x][ref].\n\n",
    "[a label\nof two lines]: https://example.org/x\n\n- [an\\]other]: y\n\n",
    "- ```a``` is no fence\n\n  [x]: https://example.org\n\n",
    "[titled](https://example.org \"a\ntitle\") words\n\n",
    "~~struck~~ and **bold** and ***both***, <https://example.org>, www.example.org\n\n",
    "![a picture](https://example.org/p.png)\n\n",
    "Line one  \nline two\\\nline three\n\n",
    "漢字 wide and e\xcc\x81 combining ☺\n\n",
};

/* What no model writes on purpose. */
static const char *const rude[] = {"*", "**", "_", "`", "``", "```", "```\n", "~~~\n",
    "\n", "\n\n", "  ", "    ", "\t", "- ", "-", "1.", "1. ", "2)", "> ", ">", "|",
    "| a |\n", "|--|\n", "# ", "=", "---\n", "[", "](", ")", "[a]: b\n", "\\", "<",
    "&#27;", "\x1b[31m", "\x1b]0;x\x07", "\r", "\r\n", "word", " and ", "漢", "\xe6\xbc",
    "\x9b", "\xff", "10. x\n", "      deep\n", "- a\n\n  - b\n\n", "![", "www.a.b ", "~~",
    "<br>", "\xc2\x85"};

static unsigned
next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16 & 0x7fff;
}

void
markdown_by_chance(struct buf *out, unsigned seed, int count, bool be_rude)
{
	for (int i = 0; i < count; i++) {
		const char *text = blocks[next(&seed) % ARRAY_LEN(blocks)];

		if (be_rude && next(&seed) % 8 != 0)
			text = rude[next(&seed) % ARRAY_LEN(rude)];
		buf_add_some(out, text, strlen(text));
	}
}

void
lines_told(const struct lines *l, struct buf *out, bool with_looks)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct lines_line *n = &l->line[i];
		size_t at = 0;

		if (with_looks &&
		    buf_printf(out, "%d %d %d %d %d:", n->cols, n->cont, n->blanks,
			n->lead, n->code) < 0)
			return;
		for (uint32_t s = 0; s < n->spans; s++) {
			if (with_looks && buf_printf(out, "{%x}", n->span[s].style) < 0)
				return;
			buf_add_some(out, n->text + at, n->span[s].len);
			at += n->span[s].len;
		}
		buf_add_some(out, "\n", 1);
	}
}
