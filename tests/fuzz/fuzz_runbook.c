/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A runbook of any bytes is refused with a line, or whole: every name in it is a
 * number that fits, nothing waits for what comes later.  Its own text then stands for
 * what hosts print: the report is UTF-8, one that a terminal cannot act on, and ends.
 */
#include <string.h>

#include "base/text.h"
#include "engine/runbook/runbook_report.h"
#include "fuzz/fuzz.h"

#define EVALUATED_MAX 6 /* findings; a pattern may take its time */

static void
check_steps(const struct runbook *rb)
{
	must(rb->step_count > 0 && rb->step_count <= RUNBOOK_STEPS_MAX);
	for (size_t i = 0; i < rb->step_count; i++) {
		const struct step *s = &rb->steps[i];

		must(runbook_is_name(s->id));
		must(s->when < (int)rb->finding_count);
		must(s->when < 0 || rb->findings[s->when].last < (int)i);
		must(s->kind != STEP_DEVVM || (s->command && s->limit_s > 0));
		must(s->kind == STEP_DEVVM || !verb_rows[s->verb].mutating);
	}
}

static void
check_findings(const struct runbook *rb)
{
	for (size_t i = 0; i < rb->finding_count; i++) {
		const struct finding *f = &rb->findings[i];

		must(f->look_count > 0 && f->say && f->todo);
		must(f->last >= 0 && f->last < (int)rb->step_count);
		must(f->repair < (int)rb->repair_count);
		for (size_t k = 0; k < f->look_count; k++)
			must(f->looks[k].step >= 0 && f->looks[k].step <= f->last);
	}
	for (size_t i = 0; i < rb->repair_count; i++)
		must(rb->steps[rb->repairs[i].check].reads);
}

static void
check_report(const struct runbook *rb, const struct step_result *results,
    const struct founds *founds)
{
	struct runbook_report in = {.rb = rb, .results = results, .founds = founds};
	struct buf out;

	buf_init(&out, REPORT_MAX);
	runbook_report(&in, &out);
	must(out.len > 0 && out.len <= REPORT_MAX);
	must(text_is_utf8(out.data, text_cut(out.data, out.len)));
	for (size_t i = 0; i < out.len; i++)
		must((unsigned char)out.data[i] >= ' ' || strchr("\n\t", out.data[i]));
	buf_fini(&out);
}

static void
evaluate(const struct runbook *rb, const char *text, size_t len)
{
	struct step_result results[RUNBOOK_STEPS_MAX];
	struct founds founds = {0};

	for (size_t i = 0; i < rb->step_count; i++) {
		step_result_init(&results[i]);
		results[i].state = i % 3 == 2 ? RESULT_FAILED : RESULT_RAN;
		buf_add_some(&results[i].out, text, len);
	}
	for (size_t i = 0; i < rb->step_count; i++)
		runbook_eval(rb, results, (int)i, &founds);
	must(founds.count <= FOUND_MAX);
	for (size_t i = 0; i < founds.count; i++) {
		int repair = rb->findings[founds.all[i].finding].repair;

		if (repair >= 0)
			free(found_command(&founds.all[i], rb->repairs[repair].command));
	}
	check_report(rb, results, &founds);
	founds_fini(&founds);
	for (size_t i = 0; i < rb->step_count; i++)
		step_result_fini(&results[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct err err = {0};
	int line = 0;
	struct runbook *rb = runbook_parse("x.md", text, size, &line, &err);

	if (!rb) {
		must(line > 0 && err.words[0]);
	} else {
		check_steps(rb);
		check_findings(rb);
		if (rb->finding_count <= EVALUATED_MAX)
			evaluate(rb, text, size);
	}
	runbook_free(rb);
	free(text);
	return 0;
}
