/* regex.c - PCRE2 behind regex.h. Patterns that will run on traffic are compiled by its JIT; where that
 * can't be had the interpreter serves, under the same limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rules/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#define SPANS_MAX 32
#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (512 * 1024)

struct regex {
	pcre2_code *code;
	bool jit;
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static uint32_t pcre2_options(uint32_t options)
{
	uint32_t out = 0;

	if (options & RE_CASELESS)
		out |= PCRE2_CASELESS;
	if (options & RE_MULTILINE)
		out |= PCRE2_MULTILINE;
	if (options & RE_DOTALL)
		out |= PCRE2_DOTALL;
	if (options & RE_EXTENDED)
		out |= PCRE2_EXTENDED;
	if (options & RE_ANCHORED)
		out |= PCRE2_ANCHORED;
	if (options & RE_DOLLAR_ENDONLY)
		out |= PCRE2_DOLLAR_ENDONLY;
	if (options & RE_UNGREEDY)
		out |= PCRE2_UNGREEDY;
	return out;
}

int regex_compile(struct regex **out, struct slice pattern, uint32_t options, bool jit,
		  char *error, size_t size, size_t *offset)
{
	struct regex *re = calloc(1, sizeof(*re));
	int code;

	*out = NULL;
	if (re == NULL)
		return -ENOMEM;
	re->code = pcre2_compile(pattern.data ? pattern.data : (PCRE2_SPTR)"", pattern.len, pcre2_options(options),
				 &code, offset, NULL);
	if (re->code == NULL) {
		free(re);
		if (size > 0 && pcre2_get_error_message(code, (PCRE2_UCHAR *)error, size) < 0)
			snprintf(error, size, "error %d", code);
		return -EINVAL;
	}
	re->jit = jit && pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
	*out = re;
	return 0;
}

void regex_free(struct regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	free(re);
}

unsigned regex_captures(const struct regex *re)
{
	uint32_t count = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count;
}

int regex_group(const struct regex *re, const char *name)
{
	int number = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);

	return number > 0 ? number : -1;
}

int regex_scratch_new(struct regex_scratch **out, uint32_t match_limit, uint32_t depth_limit)
{
	struct regex_scratch *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return -ENOMEM;
	s->data = pcre2_match_data_create(SPANS_MAX, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (s->data == NULL || s->context == NULL) {
		regex_scratch_free(s);
		return -ENOMEM;
	}
	pcre2_set_match_limit(s->context, match_limit);
	pcre2_set_depth_limit(s->context, depth_limit);
	s->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (s->stack != NULL)
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	*out = s;
	return 0;
}

void regex_scratch_free(struct regex_scratch *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

enum regex_answer regex_match(const struct regex *re, struct regex_scratch *s, struct slice subject, size_t offset,
			      struct regex_span *spans, unsigned span_count)
{
	PCRE2_SPTR text = subject.data ? subject.data : (PCRE2_SPTR)"";
	PCRE2_SIZE *found;
	int count;

	if (offset > subject.len)
		return REGEX_NO;
	if (re->jit)
		count = pcre2_jit_match(re->code, text, subject.len, offset, 0, s->data, s->context);
	else
		count = pcre2_match(re->code, text, subject.len, offset, 0, s->data, s->context);
	if (count == PCRE2_ERROR_NOMATCH)
		return REGEX_NO;
	if (count < 0)
		return REGEX_LIMIT;
	if (count == 0)
		count = SPANS_MAX;
	found = pcre2_get_ovector_pointer(s->data);
	for (unsigned i = 0; i < span_count; i++) {
		bool set = i < (unsigned)count && found[2 * i] != PCRE2_UNSET && found[2 * i] <= found[2 * i + 1];

		spans[i].start = set ? found[2 * i] : SIZE_MAX;
		spans[i].end = set ? found[2 * i + 1] : SIZE_MAX;
	}
	return REGEX_YES;
}
