/* impair.c - `tapir impair A B`: a bad network between two ports, the same bad one each time.
 *
 * One wrapper (capture/impair.h) around port B does all of it: what A receives is sent through the
 * wrapper's sending lane, what B receives comes out of its receiving lane and is sent on A. One thread waits for
 * frames of either port and for the time at which the next held frame is due. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "capture/impair.h"
#include "cli/options.h"
#include "cli/port.h"
#include "cli/print_json.h"

/* Bursts taken from a port before the other has its turn. */
#define BURSTS_MAX 4
#define TEXT_MAX 1024
#define SETTINGS 13

struct impair_options {
	/* In the order of setting_names. */
	const char *settings[SETTINGS];
	const char *there, *back;
	const char *trace;
	const char *time;
	bool json, quiet;
};

static const char *const setting_names[SETTINGS] = {
	"loss", "burst-enter", "burst-leave", "burst-loss", "reorder", "reorder-gap", "duplicate", "corrupt",
	"delay", "jitter", "rate", "queue", "seed",
};

#define AT(field) offsetof(struct impair_options, field)

static const struct option_row rows[] = {
	{ NULL, 0, NULL, OPTION_HEADING, 0, "What happens to frames, in both directions" },
	{ "loss", 0, "CHANCE", OPTION_TEXT, AT(settings[0]), "lose each frame with this chance: 2%, 500ppm, 0.02" },
	{ "burst-enter", 0, "CHANCE", OPTION_TEXT, AT(settings[1]),
	  "per frame: chance to fall into a bad state, in which frames are lost together (Gilbert-Elliott)" },
	{ "burst-leave", 0, "CHANCE", OPTION_TEXT, AT(settings[2]), "per frame: chance to leave the bad state" },
	{ "burst-loss", 0, "CHANCE", OPTION_TEXT, AT(settings[3]), "loss in the bad state; without it, all" },
	{ "reorder", 0, "CHANCE", OPTION_TEXT, AT(settings[4]), "hold a frame back until later ones have passed" },
	{ "reorder-gap", 0, "N", OPTION_TEXT, AT(settings[5]), "how many pass it at most (3)" },
	{ "duplicate", 0, "CHANCE", OPTION_TEXT, AT(settings[6]), "send a frame twice" },
	{ "corrupt", 0, "CHANCE", OPTION_TEXT, AT(settings[7]), "flip one bit of a frame" },
	{ "delay", 0, "TIME", OPTION_TEXT, AT(settings[8]), "each frame arrives so much later: 10ms, 200us" },
	{ "jitter", 0, "TIME", OPTION_TEXT, AT(settings[9]), "up to so much more or less delay; the order stays" },
	{ "rate", 0, "RATE", OPTION_TEXT, AT(settings[10]), "bits a second: 10mbit, 1gbit" },
	{ "queue", 0, "N", OPTION_TEXT, AT(settings[11]), "frames that may wait for rate and delay (1000); more are lost" },
	{ "seed", 0, "N", OPTION_TEXT, AT(settings[12]), "all chance follows from this number (0)" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "One direction only, in addition" },
	{ "there", 0, "NAME=VALUE,...", OPTION_TEXT, AT(there), "from A to B: loss=5%,delay=30ms" },
	{ "back", 0, "NAME=VALUE,...", OPTION_TEXT, AT(back), "from B to A" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "Other" },
	{ "time", 0, "SECONDS", OPTION_TEXT, AT(time), "end after this; else with INT or TERM" },
	{ "trace", 0, "FILE", OPTION_TEXT, AT(trace), "write what passes on port B to a capture file (pcapng)" },
	{ "json", 0, NULL, OPTION_FLAG, AT(json), "the statistics at the end as JSON" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "no statistics at the end" },
};

struct bridge {
	struct device *a, *b;           /* b is the wrapper */
	uint64_t refused[2];            /* frames that A (0) or B (1) could not send */
};

/* "a=1,b=2" with prefix before each name, behind what is in text. False where there is no room. */
static bool text_add(char *text, const char *prefix, const char *list)
{
	size_t used = strlen(text);

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s%.*s", used ? "," : "", prefix, (int)n, list);
		if (used >= TEXT_MAX)
			return false;
		list += n + (list[n] == ',');
	}
	return true;
}

static int impairment(const struct impair_options *o, struct impair_opts *out)
{
	char text[TEXT_MAX] = "", one[128], why[128];
	bool fits = true;

	for (unsigned i = 0; i < SETTINGS && fits; i++) {
		if (o->settings[i] == NULL)
			continue;
		if (strchr(o->settings[i], ',') != NULL) {
			fprintf(stderr, "tapir impair: --%s %s: one value\n", setting_names[i], o->settings[i]);
			return -EINVAL;
		}
		fits = (size_t)snprintf(one, sizeof(one), "%s=%s", setting_names[i], o->settings[i]) < sizeof(one) &&
		       text_add(text, "", one);
	}
	/* Seen from B: what goes there is sent. */
	fits = fits && (o->there == NULL || text_add(text, "tx.", o->there)) &&
	       (o->back == NULL || text_add(text, "rx.", o->back));
	if (!fits) {
		fprintf(stderr, "tapir impair: these are too many words\n");
		return -EINVAL;
	}
	if (impair_opts_parse(out, text, why, sizeof(why)) < 0) {
		fprintf(stderr, "tapir impair: %s\n", strncmp(why, "tx.", 3) == 0 || strncmp(why, "rx.", 3) == 0 ? why + 3 : why);
		return -EINVAL;
	}
	return 0;
}

/* What waits at one port goes to the other. How many frames that were, or -errno. */
static int pass(struct device *from, struct device *to, uint64_t *refused)
{
	struct frame frames[DEVICE_BURST_MAX];
	int n, sent, total = 0;

	for (unsigned i = 0; i < BURSTS_MAX; i++) {
		n = device_recv(from, frames, DEVICE_BURST_MAX);
		if (n <= 0)
			return n < 0 ? n : total;
		sent = device_send(to, frames, (unsigned)n);
		if (sent < n)
			*refused += (uint64_t)(n - (sent > 0 ? sent : 0));
		device_release(from, frames, (unsigned)n);
		total += n;
	}
	return total;
}

/* Until a frame comes, one is due, or it is to end. */
static void wait_for_more(struct bridge *br, int stop, uint64_t now_ns, uint64_t end_ns)
{
	struct pollfd fds[3] = {
		{ .fd = device_poll_fd(br->a), .events = POLLIN }, { .fd = device_poll_fd(br->b), .events = POLLIN },
		{ .fd = stop, .events = POLLIN },
	};
	uint64_t due = device_deadline(br->b), next = due < end_ns ? due : end_ns;
	uint64_t left = next > now_ns ? next - now_ns : 0;
	struct timespec t = { .tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000) };

	ppoll(fds, ARRAY_LEN(fds), next == UINT64_MAX ? NULL : &t, NULL);
}

static int bridge_run(struct bridge *br, int stop, uint64_t time_ns)
{
	uint64_t now = time_now_ns(), end = time_ns ? now + time_ns : UINT64_MAX;

	while (now < end && !stop_asked(stop)) {
		int there, back;

		device_advance(br->b, now);
		there = pass(br->a, br->b, &br->refused[1]);
		back = pass(br->b, br->a, &br->refused[0]);
		if (there < 0 || back < 0) {
			fprintf(stderr, "tapir impair: port %s: %s\n", there < 0 ? "A" : "B", strerror(there < 0 ? -there : -back));
			return EXIT_PROBLEM;
		}
		now = time_now_ns();
		if (there + back == 0) {
			wait_for_more(br, stop, now, end);
			now = time_now_ns();
		}
	}
	return EXIT_FINE;
}

static void line(const char *name, const struct impair_count *c)
{
	printf("%s: %" PRIu64 " frames, %" PRIu64 " passed, %" PRIu64 " lost (%.2f%%), %" PRIu64 " over the queue, %" PRIu64
	       " duplicated, %" PRIu64 " reordered, %" PRIu64 " corrupted\n", name, c->frames, c->passed, c->lost,
	       c->frames ? 100.0 * (double)c->lost / (double)c->frames : 0.0, c->queue_full, c->duplicated, c->reordered,
	       c->corrupted);
}

static void json_lane(struct json *j, const char *name, const struct impair_count *c, uint64_t refused)
{
	json_object(j, name);
	json_uint(j, "frames", c->frames);
	json_uint(j, "passed", c->passed);
	json_uint(j, "lost", c->lost);
	json_uint(j, "queue_full", c->queue_full);
	json_uint(j, "duplicated", c->duplicated);
	json_uint(j, "reordered", c->reordered);
	json_uint(j, "corrupted", c->corrupted);
	json_uint(j, "refused", refused);
	json_close(j);
}

static int report(const struct bridge *br, bool as_json)
{
	struct impair_count there, back;
	struct json j;

	impair_counts(br->b, &back, &there);
	if (!as_json) {
		line("there (A to B)", &there);
		line("back  (B to A)", &back);
		if (br->refused[0] + br->refused[1] > 0)
			printf("refused by the ports: %" PRIu64 " by A, %" PRIu64 " by B\n", br->refused[0], br->refused[1]);
		return EXIT_FINE;
	}
	if (print_json_begin(&j) < 0)
		return EXIT_PROBLEM;
	json_object(&j, NULL);
	json_lane(&j, "there", &there, br->refused[1]);
	json_lane(&j, "back", &back, br->refused[0]);
	json_close(&j);
	return print_json_end(&j);
}

/* Both ports, B in the wrapper. */
static int bridge_open(struct bridge *br, const char *a, const char *b, const struct impair_options *o,
		       const struct impair_opts *opts)
{
	struct port_opts port = { .command = "impair", .promiscuous = true, .exclusive = true };
	int err = port_open(&br->a, a, &port);

	if (err < 0)
		return err;
	port.trace = o->trace;
	err = port_open(&br->b, b, &port);
	if (err == 0) {
		err = impair_new(&br->b, br->b, opts);
		if (err == 0)
			return 0;
		fprintf(stderr, "tapir impair: %s\n", strerror(-err));
		device_close(br->b);
	}
	device_close(br->a);
	return err;
}

static int run(int argc, char **argv)
{
	struct impair_options o = { 0 };
	struct names words = { 0 };
	struct impair_opts opts;
	struct bridge br = { 0 };
	char a[160], b[160];
	uint64_t time_ns = 0;
	int stop, status = options_parse(&command_impair, argc, argv, &o, &words);

	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (words.count != 2) {
		fprintf(stderr, "tapir impair: between which two ports?\nTry: tapir impair --help\n");
		return EXIT_USAGE;
	}
	if (o.time != NULL && (!seconds_parse(o.time, &time_ns) || time_ns == 0)) {
		fprintf(stderr, "tapir impair: --time: expected seconds, found \"%s\"\n", o.time);
		return EXIT_USAGE;
	}
	if (impairment(&o, &opts) < 0)
		return EXIT_USAGE;
	if (bridge_open(&br, words.at[0], words.at[1], &o, &opts) < 0)
		return EXIT_PROBLEM;
	stop = stop_fd();
	if (!o.quiet) {
		port_describe(br.a, a, sizeof(a));
		port_describe(br.b, b, sizeof(b));
		fprintf(stderr, "A is %s, B is %s\n", a, b);
	}
	status = bridge_run(&br, stop, time_ns);
	if (!o.quiet && report(&br, o.json) != EXIT_FINE)
		status = EXIT_PROBLEM;
	close(stop);
	device_close(br.b);
	device_close(br.a);
	return status;
}

const struct command command_impair = {
	.name = "impair",
	.summary = "be a bad network between two ports: loss, delay, reordering, ...",
	.usage = "[options] A B",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = "A and B are interfaces (taken away from the kernel: nothing else may use them), or devices as in\n"
		"tap:NAME and pcap:NAME. What one receives the other sends. Checksums must be complete: on the far\n"
		"sides of veth pairs run \"ethtool -K IFACE tx off gso off gro off\".\n"
		"\n"
		"Exit status: 0; 1 where a port can't be opened or fails; 2 the command line could not be understood.\n"
		"\n"
		"Examples:\n"
		"  tapir impair veth1 veth2 --loss 2% --delay 10ms --seed 7\n"
		"  tapir impair tap:left tap:right --burst-enter 0.5% --burst-leave 30% --rate 10mbit --queue 50\n"
		"  tapir impair eth1 eth2 --there loss=5% --back delay=100ms,jitter=20ms\n",
	.run = run,
};
