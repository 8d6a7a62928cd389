/* file.h - files as they pass by, whatever protocol carries them.
 *
 * An analyzer opens a file in a transaction, appends bytes in order, reports gaps, closes it. The
 * framework hashes (as configured or as rules ask), keeps the window that rules inspect (file.data), and
 * output/ writes `fileinfo` records and the file store. Bodies never need to be whole in memory. */
#ifndef TAPIR_ANALYZERS_FILE_H
#define TAPIR_ANALYZERS_FILE_H

#include "analyzers/analyzer.h"

enum file_state { FILE_OPEN, FILE_CLOSED, FILE_TRUNCATED, FILE_ERROR };

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
	uint64_t size;                  /* bytes seen */
	bool has_range;
	uint64_t start, end;            /* content range */
	struct bytes window;            /* the newest bytes, up to the inspection limit */
	uint64_t window_offset;         /* where window starts in the file */
	uint64_t inspected;             /* rules: bytes inspected so far */
	uint8_t md5[16], sha1[20], sha256[32];
	const char *magic;              /* libmagic's text, or NULL */
	void *hashers;
	uint32_t sids[8];               /* rules that asked for it */
	uint8_t sid_count;
};

/* NULL where the budget is spent: the analyzer carries on without. name may be empty. */
struct file *file_open(struct analysis *a, struct tx *tx, enum side side, struct slice name);
void file_data(struct analysis *a, struct file *f, struct slice data);
void file_gap(struct analysis *a, struct file *f, uint64_t len);
void file_close(struct analysis *a, struct file *f, enum file_state state);
void file_set_name(struct analysis *a, struct file *f, struct slice name);
/* Frees all files of tx; the framework calls it before tx_free. */
void files_free(struct analysis *a, struct tx *tx);

#endif
