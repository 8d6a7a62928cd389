/* file.h - files as they pass by, whatever protocol carries them.
 *
 * An analyzer opens a file in a transaction, appends bytes in order, reports gaps, closes it. The
 * framework hashes (as configured or as rules ask), keeps the window that rules inspect (file.data), and
 * output/ writes `fileinfo` records and the file store. Bodies never need to be whole in memory. */
#ifndef TAPIR_ANALYZERS_FILE_H
#define TAPIR_ANALYZERS_FILE_H

#include "analyzers/analyzer.h"

enum file_state { FILE_OPEN, FILE_CLOSED, FILE_TRUNCATED, FILE_ERROR };

/* The newest bytes of something that grows (a body, a file), as far as rules or the file store may still
 * need them, and how rules look at it: not before min_size bytes are there or it is complete, then
 * everything new with some of what came before it. Nothing beyond limit is kept. */
struct window {
	struct bytes bytes;
	uint64_t start;         /* where bytes begin */
	uint64_t size;          /* bytes seen, kept or not */
	uint64_t inspected;     /* seen when rules looked last */
};
struct window_limits {
	uint64_t limit;         /* 0 = none */
	uint32_t min_size, size;
	bool early;             /* inline: rules look at what is there, min_size or not */
};
void window_add(struct window *w, struct budget *b, const struct window_limits *l, struct slice data);
/* What rules look at now; false: nothing (yet). */
bool window_view(const struct window *w, const struct window_limits *l, bool complete, struct field_value *out);
/* Rules have looked: lets go of what neither they nor keep_from on need. */
void window_inspected(struct window *w, const struct window_limits *l, bool complete, uint64_t keep_from);
void window_fini(struct window *w, struct budget *b);

struct file {
	struct file *next;
	struct tx *tx;
	uint8_t side;                   /* enum side the bytes travel */
	uint8_t state;                  /* enum file_state */
	bool gaps;
	bool recorded;                  /* output: fileinfo was written */
	bool inspect;                   /* rules: keep the window */
	bool store, stored;             /* rules: filestore asked for */
	bool want_md5, want_sha1, want_sha256, want_magic;
	bool have_md5, have_sha1, have_sha256;
	uint32_t id;                    /* file_id, per process run */
	uint32_t track_id;
	struct bytes name;
	uint64_t size;                  /* bytes seen, gaps included */
	bool has_range;
	uint64_t start, end;            /* content range */
	uint64_t closed_off;            /* in the stream: rules see that it is complete once this is acknowledged */
	struct window window;
	struct window_limits limits;    /* how rules look at it; the analyzer may change it behind file_open */
	uint64_t stored_to;             /* file store: bytes below are written; UINT64_MAX = will not be stored */
	uint8_t md5[16], sha1[20], sha256[32];
	const char *magic;              /* libmagic's text, or NULL */
	struct bytes magic_text;
	void *hashers[3];               /* md5, sha1, sha256 */
	uint32_t sids[8];               /* rules that asked for it */
	uint8_t sid_count;
};

/* NULL where the budget is spent: the analyzer carries on without. name may be empty. */
struct file *file_open(struct analysis *a, struct tx *tx, enum side side, struct slice name);
void file_data(struct analysis *a, struct file *f, struct slice data);
void file_gap(struct analysis *a, struct file *f, uint64_t len);
void file_close(struct analysis *a, struct file *f, enum file_state state);
void file_set_name(struct analysis *a, struct file *f, struct slice name);
/* Nothing will be added, and the receiver has all of it. */
bool file_complete(const struct analysis *a, const struct file *f);
/* The file of a side by index, oldest first; NULL beyond the last. */
struct file *file_at(const struct tx *tx, enum side side, unsigned index);
/* Frees all files of tx; the framework calls it before tx_free. */
void files_free(struct analysis *a, struct tx *tx);

#endif
