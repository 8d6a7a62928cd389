/* run.c - `tapir run`: options as Suricata has them, letter for letter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"

struct run_options {
	struct sensor_options sensor;
	const char *filter_file;
	const char *summary;
	unsigned verbose;
	bool quiet;
	bool engine_analysis;
};

#define AT(field) offsetof(struct run_options, field)

static const struct option_row rows[] = {
	{ NULL, 0, NULL, OPTION_HEADING, 0, "Input" },
	{ "capture", 'r', "PATH", OPTION_TEXT, AT(sensor.capture),
	  "read a capture file (pcap, pcapng; also compressed), a directory of them, or - for standard input" },
	{ "interface", 'i', "IFACE", OPTION_LIST, AT(sensor.interfaces), "watch an interface; may be repeated" },
	{ "device", 0, "KIND", OPTION_TEXT, AT(sensor.device_kind),
	  "how to receive: afxdp or pcap; without it, the best that the interface can do" },
	{ "reject-dev", 0, "IFACE", OPTION_TEXT, AT(sensor.reject_device),
	  "send there the resets and ICMP errors that rejecting rules ask for; without it they are recorded only" },
	{ "filter-file", 'F', "FILE", OPTION_TEXT, AT(filter_file),
	  "only packets that match the BPF expression in FILE; the words after all options are one, too" },
	{ "checksums", 'k', "MODE", OPTION_TEXT, AT(sensor.checksums), "none, all or auto: what to do about bad checksums" },
	{ "pcap-file-recursive", 0, NULL, OPTION_FLAG, AT(sensor.recursive), "-r DIR: with the directories below" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "Configuration" },
	{ "config", 'c', "FILE", OPTION_TEXT, AT(sensor.config), "YAML, as suricata.yaml; without it, a built-in one" },
	{ "include", 0, "FILE", OPTION_LIST, AT(sensor.includes), "YAML to read after the configuration" },
	{ "set", 0, "KEY=VALUE", OPTION_LIST, AT(sensor.sets), "set one value, as outputs.1.eve-log.filename=x.json" },
	{ "rules-only", 'S', "FILE", OPTION_TEXT, AT(sensor.rules_only), "these rules and no others" },
	{ "rules", 's', "FILE", OPTION_LIST, AT(sensor.rules_more), "these rules in addition to the configured ones" },
	{ "data-dir", 0, "DIR", OPTION_TEXT, AT(sensor.data_dir), "where data sets keep their files" },
	{ "disable-detection", 0, NULL, OPTION_FLAG, AT(sensor.detection_off), "no rules at all" },
	{ "init-errors-fatal", 0, NULL, OPTION_FLAG, AT(sensor.init_errors_fatal), "a rule with a mistake ends the run" },
	{ "simulate-ips", 0, NULL, OPTION_FLAG, AT(sensor.simulate_ips), "judge as if packets could be dropped" },
	{ "test", 'T', NULL, OPTION_FLAG, AT(sensor.test_only), "test configuration and rules, then end" },
	{ "workers", 0, "N", OPTION_NUMBER, AT(sensor.workers), "threads that follow flows (1 for a file; live, one a queue)" },

	{ NULL, 0, NULL, OPTION_HEADING, 0, "Output" },
	{ "log-dir", 'l', "DIR", OPTION_TEXT, AT(sensor.log_dir), "where eve.json and the other logs go" },
	{ "summary", 0, "WHEN", OPTION_TEXT, AT(summary), "yes, no or auto (on a terminal): a readable summary at the end" },
	{ "verbose", 'v', NULL, OPTION_COUNT, AT(verbose), "say more; twice: say everything" },
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "errors only" },
	{ "pidfile", 0, "FILE", OPTION_TEXT, AT(sensor.pid_file), "write the process id there" },
	{ "daemon", 'D', NULL, OPTION_FLAG, AT(sensor.daemon), "go to the background once everything is in place" },

	/* Suricata's, accepted so that its command lines work. */
	{ "engine-analysis", 0, NULL, OPTION_FLAG, AT(engine_analysis), NULL },
	{ "strict-rule-keywords", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "af-packet", 0, "IFACE", OPTION_LIST, AT(sensor.interfaces), NULL },
	{ "af-xdp", 0, "IFACE", OPTION_LIST, AT(sensor.interfaces), NULL },
	{ "pcap", 0, "IFACE", OPTION_LIST, AT(sensor.interfaces), NULL },
	{ "runmode", 0, "MODE", OPTION_IGNORED, 0, NULL },
	{ "user", 0, "USER", OPTION_IGNORED, 0, NULL },
	{ "group", 0, "GROUP", OPTION_IGNORED, 0, NULL },
	{ "pcap-buffer-size", 0, "N", OPTION_IGNORED, 0, NULL },
	{ "pcap-file-buffer-size", 0, "N", OPTION_IGNORED, 0, NULL },
	{ "pcap-file-continuous", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "pcap-file-delete", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "no-random", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "init-errors-nonfatal", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "disable-hashing", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "disable-gccprofile", 0, NULL, OPTION_IGNORED, 0, NULL },
	{ "unittests", 'u', NULL, OPTION_IGNORED, 0, NULL },
};

static const char more[] =
	"Signals: INT and TERM end the run cleanly, HUP reopens the logs, USR2 loads the rules anew.\n"
	"\n"
	"Exit status: 0 the run ended as it should; 1 something was wrong with configuration, rules, input\n"
	"or output; 2 the command line could not be understood.\n"
	"\n"
	"Examples:\n"
	"  tapir run -r capture.pcap -S my.rules -l out      a capture file, one set of rules\n"
	"  tapir run -i eth1 -c /etc/tapir/tapir.yaml        a span port\n"
	"  tapir run -r captures/ -l out not port 22         a directory, without SSH\n"
	"  tapir run -T -c suricata.yaml                     is this configuration fine?\n";

/* The words of a filter as one expression; from a file, or the command line. NULL after a message. */
static char *filter_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (in == NULL || (n = getdelim(&text, &room, '\0', in)) < 0) {
		fprintf(stderr, "tapir run: -F %s: cannot be read\n", path);
		if (in != NULL)
			fclose(in);
		free(text);
		return NULL;
	}
	fclose(in);
	for (char *p = text; *p != '\0'; p++) {
		if (*p == '#') {
			while (*p != '\0' && *p != '\n')
				*p++ = ' ';
			if (*p == '\0')
				break;
		}
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	return text;
}

static char *filter_join(const struct names *words)
{
	size_t len = 1;
	char *text;

	for (unsigned i = 0; i < words->count; i++)
		len += strlen(words->at[i]) + 1;
	text = calloc(1, len);
	for (unsigned i = 0; text != NULL && i < words->count; i++) {
		char *end = text + strlen(text);

		snprintf(end, len - (size_t)(end - text), "%s%s", i ? " " : "", words->at[i]);
	}
	return text;
}

static int usage(const char *what)
{
	fprintf(stderr, "tapir run: %s\nTry: tapir run --help\n", what);
	return EXIT_USAGE;
}

static int one_of(const char *value, const char *a, const char *b, const char *c)
{
	return value == NULL || strcmp(value, a) == 0 || strcmp(value, b) == 0 || strcmp(value, c) == 0;
}

static int options_check(struct run_options *o)
{
	struct sensor_options *s = &o->sensor;

	if (o->engine_analysis)
		s->test_only = true;
	if (s->capture != NULL && s->interfaces.count > 0)
		return usage("-r and -i at once: read a file or watch an interface");
	if (s->capture == NULL && s->interfaces.count == 0 && !s->test_only) {
		usage("nothing to look at: give -r FILE or -i IFACE");
		return EXIT_PROBLEM;    /* as Suricata: it is understood, but can't be run */
	}
	if (!one_of(s->checksums, "none", "all", "auto"))
		return usage("-k: expected none, all or auto");
	if (!one_of(o->summary, "yes", "no", "auto"))
		return usage("--summary: expected yes, no or auto");
	if (s->device_kind != NULL && strcmp(s->device_kind, "afxdp") != 0 && strcmp(s->device_kind, "pcap") != 0)
		return usage("--device: expected afxdp or pcap");
	if (o->summary != NULL)
		s->summary = *o->summary == 'y' ? SUMMARY_ON : *o->summary == 'n' ? SUMMARY_OFF : SUMMARY_AUTO;
	return 0;
}

static int run(int argc, char **argv)
{
	struct run_options o = { 0 };
	struct names words = { 0 };
	char *filter = NULL;
	int status = options_parse(&command_run, argc, argv, &o, &words);

	if (status == 0)
		status = options_check(&o);
	if (status != 0)
		return status < 0 ? EXIT_FINE : status;
	if (o.filter_file != NULL || words.count > 0) {
		filter = o.filter_file ? filter_read(o.filter_file) : filter_join(&words);
		if (filter == NULL)
			return EXIT_PROBLEM;
		o.sensor.filter = filter;
	}
	o.sensor.log_level = o.quiet ? LOG_LEVEL_ERROR : o.verbose > 1 ? LOG_LEVEL_DEBUG : o.verbose ? LOG_LEVEL_INFO : -1;
	if (o.sensor.log_level >= 0)
		log_level_set((enum log_level)o.sensor.log_level);
	status = sensor_main(&o.sensor);
	free(filter);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "watch interfaces or read captures, and write what is found",
	.usage = "[options] [filter]",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.more = more,
	.run = run,
};
