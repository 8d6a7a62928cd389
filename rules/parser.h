/* parser.h - the rule being built, and what keywords use to build it.
 *
 * A keyword's parse() gets its argument as a slice of the rule's own text, so that an error can point at
 * the very letter. It adds matches to the current buffer, conditions, or sets fields of the rule; what
 * it keeps comes from the set's arena. Mistakes: rule_hint() what would be right, then return
 * rule_error(). finish.c judges the whole. */
#ifndef TAPIR_RULES_PARSER_H
#define TAPIR_RULES_PARSER_H

#include <errno.h>

#include "base/text.h"
#include "rules/keyword.h"
#include "rules/lexicon.h"
#include "rules/parsed.h"

#define LISTS_MAX 64
#define CONDITIONS_MAX 256
#define MATCHES_MAX 1024        /* in one rule */
#define BREAKS_MAX 256

/* One logical line: what stood on several is joined. */
struct rule_text {
	const char *file;
	uint32_t line;
	struct slice text;              /* a zero byte behind it */
	struct { uint32_t offset, column; } breaks[BREAKS_MAX];  /* where each further line begins */
	unsigned break_count;
};

/* A buffer's matches while the rule is built. */
struct list_builder {
	struct buffer buffer;           /* transforms may still be added while count is 0 */
	const struct buffer *interned;
	struct match *matches;
	unsigned count, cap;
	uint8_t side;                   /* enum side, or SIDE_BOTH */
	bool sticky;                    /* named by a sticky buffer; else by modifiers or nothing */
	bool multi;
	const uint8_t *at;              /* where it was named */
};

struct rule_parser {
	struct rule_set *set;
	struct parsed *parsed;
	struct rule_report *report;
	const struct rule_load *load;
	struct rule_text where;
	struct rule *rule;

	struct slice keyword;           /* as written: where errors point without a better place */
	const struct keyword *transform_keyword;
	unsigned order;                 /* of options, from 0 */
	unsigned errors;                /* of this rule */
	char hint[256];

	struct list_builder lists[LISTS_MAX];
	unsigned list_count;
	int current;                    /* list that matches go to; -1: none named, so payload */
	bool sticky;                    /* current was named by a sticky buffer */
	bool transform_open;            /* a sticky buffer was just named: transforms may follow */
	int last_list;                  /* where the newest match is; -1 = none */
	unsigned match_count;

	struct condition conditions[CONDITIONS_MAX];
	unsigned condition_count;
	struct rule_reference *references;
	unsigned reference_count, reference_cap;
	struct rule_meta *metadata;
	unsigned metadata_count, metadata_cap;

	uint8_t var_space[BYTE_VARS_MAX];       /* where each was defined: packets or transactions */

	/* what was seen, for finish.c */
	bool has_sid, has_rev, has_gid, has_msg, has_priority, has_classtype, has_flow, has_dsize, has_flags;
	bool has_base64_decode, has_base64_data, has_noalert, has_target, has_fast, has_pkt_data;
	bool has_detection_filter, has_threshold, has_prefilter, has_stream_size, has_filestore, has_bypass;
	bool bad_direction;             /* named buffers of both directions */
	struct number_test dsize;
	uint32_t classtype_priority;
	const char *header_app;         /* protocol as written in the header, where it is an analyzer's */
	bool app_implied;               /* rule->app came from a keyword */
	bool header_http1;              /* "http1": no relatives */
	const uint8_t *app_at;
	const uint8_t *direction_at;
};

/* Errors point at `at`, a place in the rule's text; NULL or elsewhere: at the keyword. Returns -EINVAL. */
int rule_error(struct rule_parser *p, const void *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void rule_warning(struct rule_parser *p, const void *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The rule can't be used here, but that is no mistake of its author: it is left out with a warning. Returns RULE_SKIP. */
#define RULE_SKIP (-ENOENT)
int rule_skip(struct rule_parser *p, const void *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What would be right, for the next error or warning. */
void rule_hint(struct rule_parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void *rule_alloc(struct rule_parser *p, size_t size)
{
	return arena_alloc(&p->parsed->arena, size);
}

/* Where in the rule's text the option stands that is being parsed. */
static inline uint32_t rule_text_at(const struct rule_parser *p)
{
	return p->keyword.data != NULL ? (uint32_t)((const char *)p->keyword.data - p->rule->text) : 0;
}

/* Equal buffers are one object. NULL where memory ran out. */
const struct buffer *rule_buffer_intern(struct rule_parser *p, const struct buffer *buffer);
/* Selects the buffer that following matches go to (a sticky keyword). */
int rule_buffer_select(struct rule_parser *p, const struct buffer *buffer, uint8_t side, bool multi);
/* Back to payload. */
int rule_payload_select(struct rule_parser *p);
/* Takes the content that was written last out of payload, into this buffer (a legacy modifier). */
int rule_buffer_move(struct rule_parser *p, const struct buffer *buffer, uint8_t side);
int rule_transform_add(struct rule_parser *p, const struct keyword *kw,
		       size_t (*apply)(const void *data, struct slice in, uint8_t *out, size_t cap), void *data,
		       struct slice argument);
/* The buffer behind a field's keyword. */
struct buffer rule_field_buffer(const struct field *field, const struct analyzer *analyzer);
uint8_t rule_field_side(const struct field *field);
/* The list that a match written now would join; made where there is none. NULL: an error was reported. */
struct list_builder *rule_list(struct rule_parser *p);
/* The same for a match that names its buffer itself (pcre:"/…/U", uricontent). */
struct list_builder *rule_list_for(struct rule_parser *p, const struct buffer *buffer, uint8_t side);
/* A new match at the end of a list. NULL: an error was reported. */
struct match *rule_match_add(struct rule_parser *p, struct list_builder *list, enum match_kind kind);
/* The content that a modifier means; NULL: there is none, and an error was reported. */
struct content *rule_content_last(struct rule_parser *p);
/* The content or pcre before it in the same list, or NULL. */
struct match *rule_content_previous(struct rule_parser *p);
struct condition *rule_condition_add(struct rule_parser *p, const struct keyword *kw, void *data,
				     enum condition_stage stage);
/* The rule is about this protocol. -EINVAL where it already is about another. */
int rule_app_require(struct rule_parser *p, const struct analyzer *analyzer, const void *at);
/* A state of the protocol, by name: the side that has it (which may be NULL) and the progress that it stands for. */
int rule_app_state(struct rule_parser *p, const struct analyzer *an, struct slice name, uint8_t *which, uint8_t *progress);
/* Whether nothing need be matched on a named buffer; says so. */
bool rule_unused_allowed(struct rule_parser *p, const struct list_builder *l);
/* Which analyzer's field a word means in this rule; the rule is about that protocol then. 0 or -EINVAL. */
int rule_field_choose(struct rule_parser *p, struct word *word);
/* A name used by a condition: its id, noted as set or read by this rule. */
uint32_t rule_name(struct rule_parser *p, enum name_kind kind, struct slice name, bool sets, bool reads);
/* Index of a byte variable; -1 where it isn't known (an error was reported). */
int rule_byte_var(struct rule_parser *p, struct slice name);
int rule_byte_var_new(struct rule_parser *p, struct slice name, const struct list_builder *list);
/* A number or a variable's name. min, max bound the number. */
int rule_operand(struct rule_parser *p, struct slice text, int64_t min, int64_t max, struct operand *out);

/* header.c: action … ports. 0 or -EINVAL. */
int rule_header_parse(struct rule_parser *p, struct slice header);
/* finish.c: judges and assembles. 0 or -EINVAL. */
int rule_finish(struct rule_parser *p);
/* addr.c, port.c: NULL: an error was reported. */
const struct addr_set *addr_set_parse(struct rule_parser *p, struct slice text);
const struct port_set *port_set_parse(struct rule_parser *p, struct slice text);

#endif
