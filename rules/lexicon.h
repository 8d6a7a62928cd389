/* lexicon.h - every word a rule may use, from the keyword tables and the analyzers' fields. */
#ifndef TAPIR_RULES_LEXICON_H
#define TAPIR_RULES_LEXICON_H

#include "rules/keyword.h"

enum word_kind { WORD_KEYWORD, WORD_FIELD, WORD_MODIFIER };
struct word {
	const char *name;               /* len bytes */
	uint16_t len;
	uint8_t kind;                   /* enum word_kind */
	const struct keyword *keyword;
	const struct field *field;
	const struct analyzer *analyzer;
};

struct lexicon;
int lexicon_new(struct lexicon **out);
void lexicon_free(struct lexicon *l);
const struct word *lexicon_find(const struct lexicon *l, struct slice name);
/* The field that a pcre letter means; NULL where none. */
const struct word *lexicon_letter(const struct lexicon *l, char letter);
/* The known word that looks most like name; empty where none comes near. */
struct slice lexicon_nearest(const struct lexicon *l, struct slice name);

#endif
