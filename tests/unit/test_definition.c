/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/agent/definition.h"
#include "wire/json.h"

static int
parse(struct definition *d, const char *text, struct err *err)
{
	return definition_parse(d, text, strlen(text), err);
}

static const char good[] = "---\n"
			   "name: breakglass\n"
			   "description: \"Regains: control\"\n"
			   "# a comment\n"
			   "colour: red\n"
			   "tools: [Bash, Read]\n"
			   "---\n"
			   "\n"
			   "You are it.\n"
			   "---\n"
			   "A rule in the prompt stays.\n";

Test(definition, reads_frontmatter_and_prompt)
{
	struct definition d;
	struct err err;

	cr_assert_eq(parse(&d, good, &err), 0, "%s", err.words);
	cr_assert_str_eq(d.name, "breakglass");
	cr_assert_str_eq(d.description, "Regains: control");
	cr_assert_str_eq(d.tools, "Bash,Read");
	cr_assert_str_eq(d.model, "");
	cr_assert_str_eq(d.prompt, "You are it.\n---\nA rule in the prompt stays.\n");
	definition_fini(&d);
}

Test(definition, becomes_the_JSON_that_the_CLI_takes)
{
	struct definition d;
	struct err err;
	struct buf out;
	struct js *j, *agent;
	size_t len;

	buf_init(&out, 65536);
	cr_assert_eq(parse(&d, good, &err), 0);
	cr_assert_eq(definition_cli_agents(&d, &out), 0);
	j = js_parse(out.data, out.len, &err);
	cr_assert_not_null(j);
	agent = js_get(j, "breakglass");
	cr_assert_not_null(agent);
	cr_assert_eq(js_len(js_get_array(agent, "tools")), 2);
	cr_assert_str_eq(js_at_str(js_get_array(agent, "tools"), 1, &len), "Read");
	cr_assert(js_is(agent, "prompt", d.prompt));
	cr_assert_not(js_has(agent, "model"), "no model is named, so none is passed");
	js_free(j);
	buf_fini(&out);
	definition_fini(&d);
}

Test(definition, takes_CR_LF_line_ends_in_the_frontmatter)
{
	struct definition d;
	struct err err;

	cr_assert_eq(
	    parse(&d,
		"---\r\nname: a\r\ndescription: b\r\nmodel: sonnet\r\ntools: Bash\r\n---\r\nP\r\n",
		&err),
	    0, "%s", err.words);
	cr_assert_str_eq(d.name, "a");
	cr_assert_str_eq(d.model, "sonnet");
	definition_fini(&d);
}

Test(definition, says_what_is_missing)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
	    {"", "first line"},
	    {"name: a\n", "first line"},
	    {"---\nname: a\n", "no end"},
	    {"---\ndescription: d\ntools: Bash\n---\np\n", "name"},
	    {"---\nname: A b\ndescription: d\ntools: Bash\n---\np\n", "name"},
	    {"---\nname: a\ntools: Bash\n---\np\n", "description"},
	    {"---\nname: a\ndescription: d\n---\np\n", "tools"},
	    {"---\nname: a\ndescription: d\ntools: Bash(ssh:*)\n---\np\n", "tools"},
	    {"---\nname: a\ndescription: d\ntools: Bash\n---\n\n", "prompt"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct definition d;
		struct err err;

		cr_assert_eq(parse(&d, bad[i].text, &err), -1, "%zu", i);
		cr_assert(strstr(err.words, bad[i].words), "%zu: %s", i, err.words);
	}
}

Test(definition, a_name_can_leave_no_folder)
{
	static const char *const names[] = {"../x", "a/b", "", ".", "-a", "A"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct definition d;
		struct err err;

		cr_assert_eq(definition_load(&d, AGENTS_DIR, names[i], &err), -1);
		cr_assert_eq(err.code, ERR_USAGE);
	}
}

Test(definition, refuses_bytes_that_are_not_text)
{
	struct definition d;
	struct err err;

	cr_assert_eq(parse(&d, "---\nname: a\xff\n", &err), -1);
	cr_assert_eq(definition_parse(&d, "---\0", 4, &err), -1);
}

Test(definition, the_shipped_agent_is_what_the_checklist_names)
{
	struct definition d;
	struct err err;

	cr_assert_eq(
	    definition_load(&d, AGENTS_DIR, "breakglass", &err), 0, "%s", err.words);
	cr_assert_str_eq(d.name, "breakglass");
	cr_assert_str_eq(d.model, "sonnet");
	cr_assert_str_eq(d.tools, "Bash,Read,Grep,Glob");
	cr_assert(strstr(d.prompt, "ssh pve"));
	definition_fini(&d);
}
