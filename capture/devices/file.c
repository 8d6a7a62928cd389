/* file.c - capture files: one, a directory of them, or standard input.
 *
 * Bytes are read into chunks and frames point into them. A chunk counts the
 * frames that are out, so that any number of bursts may be held; where all have
 * come back the chunk is used again from its start, and the bytes in use stay in
 * the cache. A record that a chunk's end would cut is moved to the start of the
 * next. A file that ends early or turns into garbage ends there: counted, with a
 * warning, and a directory goes on with its next file. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"
#include "capture/bpf_filter.h"
#include "capture/byte_source.h"
#include "capture/device.h"
#include "capture/device_counters.h"
#include "capture/pcap_reader.h"
#include "capture/pcap_writer.h"

#define CHUNK_LEN (512 * 1024)
#define READ_LEN (128 * 1024)
/* Frames that are out hold at most this much; then recv gives none until some come back. */
#define CHUNKS_MAX 512
/* Frames that a filter may refuse before recv returns: a call's work is bounded. */
#define EXAMINED_MAX 4096
#define DIRECTORY_DEPTH_MAX 16

struct chunk {
	struct chunk *next;
	uint32_t frames_out;
	_Alignas(64) uint8_t data[CHUNK_LEN];
};

struct file_device {
	struct device dev;
	struct pcap_reader reader;
	struct byte_source *source;     /* NULL between two files */
	struct bpf_filter *filter;
	int filter_link;                /* what the filter is compiled for; -1 = nothing yet */
	struct pcap_writer *output;
	struct chunk *chunk;            /* the one being read into */
	struct chunk *spare;
	uint32_t chunk_count;
	size_t start, end;              /* of what is in chunk and not used yet */
	uint64_t skip;                  /* bytes to step over before that */
	uint64_t offset;                /* in the unpacked file, of start */
	uint64_t number;
	char **paths;
	uint32_t path_count, path_next;
	bool is_directory;
	char *name;                     /* as opened */
	uint64_t size_bytes;
	uint64_t read_before;           /* bytes of the files that are done */
	_Atomic uint64_t read_bytes;
	struct device_counters counters;
};

/* The chunk that will be read into next gets room; false where all are in use. */
static bool chunk_take(struct file_device *d)
{
	struct chunk *c = d->spare;
	size_t left = d->end - d->start;

	if (c) {
		d->spare = c->next;
	} else {
		if (d->chunk_count == CHUNKS_MAX)
			return false;
		c = aligned_alloc(_Alignof(struct chunk), sizeof(*c));
		if (c == NULL)
			return false;
		d->chunk_count++;
	}
	c->next = NULL;
	c->frames_out = 0;
	if (d->chunk && left)
		memcpy(c->data, d->chunk->data + d->start, left);
	d->chunk = c;
	d->start = 0;
	d->end = left;
	return true;
}

/* Reads on, so that the window grows. >0; 0 where nothing is there now; -ENODATA at the end; -errno. */
static ssize_t window_fill(struct file_device *d, size_t need, bool wait)
{
	size_t left = d->end - d->start, room;
	ssize_t n;

	if (d->chunk->frames_out == 0) {
		if (d->start && left)
			memmove(d->chunk->data, d->chunk->data + d->start, left);
		d->start = 0;
		d->end = left;
	} else if (d->start + need > CHUNK_LEN || d->end == CHUNK_LEN) {
		if (!chunk_take(d))
			return 0;
	}
	room = CHUNK_LEN - d->end;
	n = byte_source_read(d->source, d->chunk->data + d->end, room < READ_LEN ? room : READ_LEN, wait);
	if (n > 0)
		d->end += (size_t)n;
	counter_set(&d->read_bytes, d->read_before + byte_source_position(d->source));
	return n;
}

static void window_step(struct file_device *d, uint64_t n)
{
	size_t left = d->end - d->start;

	d->offset += n;
	if (n > left) {
		d->skip += n - left;
		n = left;
	}
	d->start += (size_t)n;
}

/* What is to be skipped, as far as it has been read. True once nothing is left to skip. */
static bool window_skip(struct file_device *d)
{
	size_t left = d->end - d->start, n = d->skip < left ? (size_t)d->skip : left;

	d->skip -= n;
	d->start += n;
	return d->skip == 0;
}

static const char *path_now(const struct file_device *d)
{
	const char *path = d->paths[d->path_next - 1];

	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Why a file can't be read on: err is byte_source_read's, or 0 where the reader said PCAP_BAD. */
static void explain(const struct file_device *d, ssize_t err, char *out, size_t len)
{
	size_t left = d->end - d->start;

	if (err == 0)
		snprintf(out, len, "%s: offset %" PRIu64 ": %s", path_now(d), d->offset, d->reader.error);
	else if (err == -ENODATA && d->offset == 0 && left == 0)
		snprintf(out, len, "%s: the file is empty; expected pcap or pcapng", path_now(d));
	else if (err == -ENODATA && !d->reader.started)
		snprintf(out, len, "%s: ends after %zu bytes, within the header of a capture file",
			 path_now(d), left);
	else if (err == -ENODATA)
		snprintf(out, len, "%s: cut short: ends within the record at offset %" PRIu64
			 ", after %zu of its bytes", path_now(d), d->offset - d->skip, left);
	else if (err == -EPIPE)
		snprintf(out, len, "%s: the compressed data is cut short, at offset %" PRIu64
			 " of what it holds", path_now(d), d->offset + left);
	else if (err == -EBADMSG)
		snprintf(out, len, "%s: the compressed data is damaged, at offset %" PRIu64
			 " of what it holds", path_now(d), d->offset + left);
	else
		snprintf(out, len, "%s: %s", path_now(d), strerror((int)-err));
}

static void source_close(struct file_device *d)
{
	if (d->source == NULL)
		return;
	d->read_before += byte_source_position(d->source);
	byte_source_close(d->source);
	d->source = NULL;
}

/* Reads a file's header, and for pcapng as far as its first interface. 0, or -errno explained. */
static int header_read(struct file_device *d, char *why, size_t why_len)
{
	struct frame frame;

	while (!d->reader.started || (d->reader.ng && d->reader.interface_count == 0)) {
		size_t used = 1;
		enum pcap_next next = PCAP_MORE;
		ssize_t n;

		if (window_skip(d) && d->end > d->start)
			next = pcap_reader_next(&d->reader, d->chunk->data + d->start,
						d->end - d->start, &frame, &used);
		if (next == PCAP_SKIP) {
			window_step(d, used);
			continue;
		}
		if (next == PCAP_BAD) {
			explain(d, 0, why, why_len);
			return -EINVAL;
		}
		if (next != PCAP_MORE)
			break;
		n = window_fill(d, used, true);
		if (n == -ENODATA && d->reader.started && d->end == d->start)
			break;
		if (n < 0) {
			explain(d, n, why, why_len);
			return n == -ENODATA ? -EINVAL : (int)n;
		}
	}
	return 0;
}

/* Opens the next of the paths. 0, -ENODATA where there is none, -errno explained. */
static int file_next(struct file_device *d, char *why, size_t why_len)
{
	int err;

	source_close(d);
	if (d->path_next == d->path_count)
		return -ENODATA;
	d->path_next++;
	d->start = d->end = 0;
	d->skip = d->offset = 0;
	if (d->chunk->frames_out && !chunk_take(d)) {
		snprintf(why, why_len, "%s: no memory", path_now(d));
		return -ENOMEM;
	}
	pcap_reader_fini(&d->reader);
	pcap_reader_init(&d->reader);
	err = byte_source_open(&d->source, d->paths[d->path_next - 1]);
	if (err < 0) {
		snprintf(why, why_len, "%s: %s", path_now(d), strerror(-err));
		return err;
	}
	err = header_read(d, why, why_len);
	if (err < 0)
		source_close(d);
	return err;
}

/* The filter's verdict; compiles it where the link type changed. */
static bool file_wants(struct file_device *d, const struct frame *f)
{
	if (d->filter_link != f->link) {
		d->filter_link = f->link;
		if (bpf_filter_link(d->filter, f->link) < 0)
			device_warning_set(&d->dev, "%s: frames of link type %u are left out: the filter: %s",
					   path_now(d), f->link, bpf_filter_error(d->filter));
	}
	return bpf_filter_match(d->filter, f);
}

/* The file can't be read on; err as in explain. */
static void file_fail(struct file_device *d, ssize_t err)
{
	char why[DEVICE_WARNING_MAX];

	explain(d, err, why, sizeof(why));
	device_warning_set(&d->dev, "%s", why);
	counter_add(&d->counters.drops[DROP_INVALID], 1);
	source_close(d);
}

/* The window is too short. True where it grew, or the file ended and recv may go on. */
static bool file_more(struct file_device *d, size_t need, unsigned out)
{
	bool skipped = window_skip(d);
	ssize_t n;

	if (skipped && d->start + need > CHUNK_LEN && out)
		return false;           /* with these given back, the chunk can be used again */
	n = window_fill(d, need, false);
	if (n >= 0)
		return n > 0;
	if (n == -ENODATA && d->end == d->start && skipped)
		source_close(d);
	else
		file_fail(d, n);
	return false;
}

/* Parses frames out of the window, until max are out, it is too short, or the file is over. */
static unsigned file_parse(struct file_device *d, struct frame *frames, unsigned max)
{
	uint64_t bytes = 0, refused = 0;
	unsigned n = 0, examined = 0;

	while (n < max && examined < EXAMINED_MAX) {
		struct frame *f = &frames[n];
		size_t used = 1;
		enum pcap_next next = PCAP_MORE;

		if (likely(d->end > d->start && d->skip == 0))
			next = pcap_reader_next(&d->reader, d->chunk->data + d->start,
						d->end - d->start, f, &used);
		if (likely(next == PCAP_FRAME)) {
			window_step(d, used);
			examined++;
			if (d->filter && !file_wants(d, f)) {
				refused++;
				continue;
			}
			f->number = ++d->number;
			f->vlan_tci = 0;
			f->owner = d->chunk;
			d->chunk->frames_out++;
			bytes += f->len;
			n++;
		} else if (next == PCAP_MORE) {
			if (!file_more(d, used, n))
				break;
		} else if (next == PCAP_BAD) {
			file_fail(d, 0);
			break;
		} else {
			examined++;
			if (next == PCAP_LOST) {
				char why[DEVICE_WARNING_MAX];

				explain(d, 0, why, sizeof(why));
				device_warning_set(&d->dev, "%s", why);
				counter_add(&d->counters.drops[DROP_INVALID], 1);
			}
			window_step(d, used);
		}
	}
	counter_add(&d->counters.rx_frames, n);
	counter_add(&d->counters.rx_bytes, bytes);
	counter_add(&d->counters.drops[DROP_FILTER], refused);
	return n;
}

static int file_recv(struct device *dev, struct frame *frames, unsigned max)
{
	struct file_device *d = (struct file_device *)dev;
	char why[DEVICE_WARNING_MAX];
	unsigned n;
	int err;

	if (d->source == NULL) {
		err = file_next(d, why, sizeof(why));
		if (err == -ENODATA)
			return d->output ? 0 : -ENODATA;
		if (err < 0) {
			device_warning_set(dev, "%s; skipped", why);
			counter_add(&d->counters.drops[DROP_INVALID], 1);
			return 0;
		}
	}
	n = file_parse(d, frames, max);
	if (n == 0 && d->source == NULL && d->path_next == d->path_count && !d->output)
		return -ENODATA;
	if (n == 0)
		counter_add(&d->counters.empty_polls, 1);
	return (int)n;
}

static void file_release(struct device *dev, struct frame *frames, unsigned n)
{
	struct file_device *d = (struct file_device *)dev;

	for (unsigned i = 0; i < n; i++) {
		struct chunk *c = frames[i].owner;

		if (--c->frames_out == 0 && c != d->chunk) {
			c->next = d->spare;
			d->spare = c;
		}
	}
}

static int file_send(struct device *dev, const struct frame *frames, unsigned n)
{
	struct file_device *d = (struct file_device *)dev;
	uint64_t bytes = 0;
	unsigned sent;
	int err = 0;

	if (d->output == NULL)
		return -EOPNOTSUPP;
	for (sent = 0; sent < n; sent++) {
		err = pcap_writer_frame(d->output, &frames[sent]);
		if (err < 0)
			break;
		bytes += frames[sent].len;
	}
	counter_add(&d->counters.tx_frames, sent);
	counter_add(&d->counters.tx_bytes, bytes);
	if (err < 0)
		counter_add(&d->counters.drops[DROP_SEND_ERROR], 1);
	return sent ? (int)sent : err;
}

static int file_poll_fd(const struct device *dev)
{
	const struct file_device *d = (const struct file_device *)dev;

	return d->source ? byte_source_poll_fd(d->source) : -1;
}

static void file_info(const struct device *dev, struct device_info *out)
{
	const struct file_device *d = (const struct file_device *)dev;

	snprintf(out->name, sizeof(out->name), "%s", d->name);
	if (d->is_directory)
		snprintf(out->mode, sizeof(out->mode), "directory of %u files", d->path_count);
	else if (d->path_count)
		snprintf(out->mode, sizeof(out->mode), "%s", d->reader.ng ? "pcapng" : "pcap");
	else
		snprintf(out->mode, sizeof(out->mode), "output");
	out->link = d->reader.link;
	out->size_bytes = d->size_bytes;
	out->read_bytes = counter_get(&d->read_bytes);
	out->up = true;
}

static void file_stats(const struct device *dev, struct device_stats *out)
{
	device_counters_read(&((const struct file_device *)dev)->counters, out);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int path_add(struct file_device *d, const char *path)
{
	char **paths = realloc(d->paths, (d->path_count + 1) * sizeof(*paths));
	struct stat st;

	if (paths == NULL)
		return -ENOMEM;
	d->paths = paths;
	paths[d->path_count] = strdup(path);
	if (paths[d->path_count] == NULL)
		return -ENOMEM;
	d->path_count++;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		d->size_bytes += (uint64_t)st.st_size;
	return 0;
}

/* The regular files of a directory, by name; depth: how many directories deep it goes on. */
static int directory_list(struct file_device *d, const char *path, unsigned depth)
{
	struct dirent **entries;
	int n = scandir(path, &entries, visible, alphasort), err = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char full[4096 + 256];
		struct stat st;

		snprintf(full, sizeof(full), "%s/%s", path, entries[i]->d_name);
		if (err < 0 || lstat(full, &st) < 0)
			st.st_mode = 0;
		else if (S_ISLNK(st.st_mode) && stat(full, &st) == 0 && S_ISDIR(st.st_mode))
			st.st_mode = 0;         /* it might lead back up */
		if (S_ISREG(st.st_mode))
			err = path_add(d, full);
		else if (S_ISDIR(st.st_mode) && depth > 0)
			err = directory_list(d, full, depth - 1);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int paths_list(struct file_device *d, const char *path, bool recursive)
{
	struct stat st;
	int err;

	if (strcmp(path, "-") != 0) {
		if (stat(path, &st) < 0)
			return -errno;
		if (S_ISDIR(st.st_mode)) {
			d->is_directory = true;
			err = directory_list(d, path, recursive ? DIRECTORY_DEPTH_MAX : 0);
			if (err == 0 && d->path_count == 0)
				device_warning_set(&d->dev, "%s: the directory holds no files", path);
			return err;
		}
	}
	return path_add(d, path);
}

/* Opens what is to be read; the first file must be one, unless it is one of many. */
static int input_open(struct file_device *d, const struct device_opts *opts)
{
	char why[DEVICE_WARNING_MAX] = "";
	int err = paths_list(d, opts->name, opts->recursive);

	if (err < 0) {
		device_error_set("%s: %s", opts->name, strerror(-err));
		return err;
	}
	if (opts->filter && opts->filter[0]) {
		err = bpf_filter_new(&d->filter, opts->filter);
		if (err < 0)
			return err;
	}
	if (!chunk_take(d))
		return -ENOMEM;
	if (!d->is_directory) {
		err = file_next(d, why, sizeof(why));
		if (err < 0) {
			device_error_set("%s", why);
			return err;
		}
	}
	if (d->filter) {
		d->filter_link = d->is_directory ? LINK_ETHERNET : d->reader.link;
		if (bpf_filter_link(d->filter, (uint16_t)d->filter_link) < 0) {
			device_error_set("filter \"%s\": %s", opts->filter, bpf_filter_error(d->filter));
			return -EINVAL;
		}
	}
	return 0;
}

static void file_close(struct device *dev)
{
	struct file_device *d = (struct file_device *)dev;
	struct chunk *c;

	source_close(d);
	pcap_writer_close(d->output);
	bpf_filter_free(d->filter);
	pcap_reader_fini(&d->reader);
	while ((c = d->spare)) {
		d->spare = c->next;
		free(c);
	}
	free(d->chunk);
	for (uint32_t i = 0; i < d->path_count; i++)
		free(d->paths[i]);
	free(d->paths);
	free(d->name);
	free(d);
}

static int file_open(struct device **out, const struct device_opts *opts)
{
	struct file_device *d = calloc(1, sizeof(*d));
	struct pcap_writer_opts output = { .path = opts->output, .link = LINK_ETHERNET,
					   .snap_len = opts->snap_len, .nanoseconds = true };
	size_t output_len = opts->output ? strlen(opts->output) : 0;
	int err = -EINVAL;

	if (d == NULL)
		return -ENOMEM;
	d->filter_link = -1;
	if (opts->name == NULL && opts->output == NULL) {
		device_error_set("a file device needs a path to read, or one to write");
		goto fail;
	}
	if (opts->name) {
		err = input_open(d, opts);
		if (err < 0)
			goto fail;
		output.link = d->reader.started ? d->reader.link : LINK_ETHERNET;
	}
	if (opts->output) {
		output.ng = output_len > 7 && strcmp(opts->output + output_len - 7, ".pcapng") == 0;
		err = pcap_writer_open(&d->output, &output);
		if (err < 0) {
			device_error_set("%s: %s", opts->output, strerror(-err));
			goto fail;
		}
	}
	d->name = strdup(opts->name ? opts->name : opts->output);
	if (d->name == NULL) {
		err = -ENOMEM;
		goto fail;
	}
	*out = &d->dev;
	return 0;
fail:
	file_close(&d->dev);
	return err;
}

static const struct device_ops file_ops = {
	.open = file_open,
	.close = file_close,
	.recv = file_recv,
	.release = file_release,
	.send = file_send,
	.poll_fd = file_poll_fd,
	.info = file_info,
	.stats = file_stats,
};

const struct device_kind device_kind_file = {
	.name = "file",
	.summary = "capture files: pcap and pcapng, plain, gzip or zstd; a directory of them; \"-\" = standard input",
	.ops = &file_ops,
};
