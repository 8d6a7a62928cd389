/* run.c - the threads of a run and the one that looks after them.
 *
 * A capture file with one worker is read by that worker; with more, a reader thread hands frames
 * out by host pair. Live, each receive queue has a worker, and workers hand each other what
 * isn't theirs. The main thread waits for signals, ends and the clock: SIGINT and SIGTERM end the
 * run cleanly, SIGHUP reopens the logs, SIGUSR2 loads the rules anew. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "rules/profile_report.h"
#include "sensor/control.h"
#include "sensor/profile_log.h"
#include "sensor/reload.h"
#include "sensor/run.h"
#include "sensor/stats.h"

#define TICK_MS 250
#define PARCELS_FILE 16
#define PARCELS_LIVE 64
#define PARCEL_BYTES_FILE (512 * 1024)
#define PARCEL_BYTES_LIVE (128 * 1024)
#define SNAPSHOT_WAIT_MS 1000
#define RULES_WAIT_MS 1000

static void sleep_us(unsigned us)
{
	struct timespec t = { .tv_nsec = (long)us * 1000 };

	nanosleep(&t, NULL);
}

static void thread_ended(struct run *r)
{
	uint64_t one = 1;
	ssize_t n;

	r->running--;
	do {
		n = write(r->ended_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

static void *worker_thread(void *arg)
{
	struct run_thread *t = arg;

	worker_run(t->worker, t->device, t->device_index);
	t->ended = true;
	thread_ended(t->run);
	return NULL;
}

/* Waits for room: a file isn't in a hurry. */
static void reader_put(struct run *r, struct mailbox *box, const struct frame *frame)
{
	while (!mailbox_put(box, frame, 0) && !r->shared.stopping) {
		for (unsigned i = 0; i < r->mailbox_count; i++)
			mailbox_flush(&r->shared.mailboxes[i]);
		sleep_us(50);
	}
}

static void *reader_thread(void *arg)
{
	struct run_thread *t = arg;
	struct run *r = t->run;
	struct packet_config decode = r->shared.decode;
	struct frame frames[DEVICE_BURST_MAX];
	char warning[DEVICE_WARNING_MAX];
	struct packet_set set;
	uint64_t end_ns = 0;
	int n = 0;

	decode.verify_checksums = false;
	decode.stats = NULL;
	while (!r->shared.stopping) {
		n = device_recv(t->device, frames, DEVICE_BURST_MAX);
		if (n < 0 && n != -ENODATA)
			r->shared.receive_error = n;
		if (n < 0)
			break;
		if (device_warning_take(t->device, warning))
			log_warning("%s", warning);
		for (int i = 0; i < n; i++) {
			if (frames[i].time_ns > end_ns)
				end_ns = frames[i].time_ns;
			packet_decode(&set, &frames[i], &decode);
			unsigned outer = steer_outer(&set, r->worker_count), inner = steer_inner(&set, r->worker_count);

			reader_put(r, &r->shared.mailboxes[outer], &frames[i]);
			if (inner != outer)
				reader_put(r, &r->shared.mailboxes[inner], &frames[i]);
		}
		if (n > 0)
			device_release(t->device, frames, (unsigned)n);
		else
			sleep_us(1000);
	}
	if (device_warning_take(t->device, warning))
		log_warning("%s", warning);
	r->shared.end_ns = end_ns;
	for (unsigned i = 0; i < r->mailbox_count; i++)
		mailbox_close(&r->shared.mailboxes[i]);
	thread_ended(r);
	return NULL;
}

/* How many workers: as asked for; else one for a file, one a queue live. */
static unsigned workers_wanted(const struct run *r)
{
	unsigned n = r->opts->workers;

	if (n == 0)
		n = r->live ? r->device_count : 1;
	if (r->live && n < r->device_count)
		n = r->device_count;
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

/* Whether a frame may have to go to another worker than the one that receives it. */
static bool needs_steering(const struct run *r)
{
	for (unsigned i = 0; i < r->device_count; i++) {
		struct device_info info;

		device_info(r->devices[i], &info);
		if (!info.symmetric)
			return true;
	}
	/* Each device sees whole conversations; but two interfaces may share one (a tap's two sides). */
	return r->set_count > 1 || r->worker_count > r->device_count;
}

static int make_mailboxes(struct run *r)
{
	struct worker_shared *s = &r->shared;
	unsigned n;

	if (r->worker_count == 1)
		return 0;
	s->steered = r->live && needs_steering(r);
	if (r->live && !s->steered)
		return 0;
	s->feeder_count = r->live ? r->worker_count : 1;
	n = r->worker_count * s->feeder_count;
	s->mailboxes = aligned_alloc(_Alignof(struct mailbox), n * sizeof(*s->mailboxes));
	if (s->mailboxes == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		int err = mailbox_init(&s->mailboxes[i], r->live ? PARCELS_LIVE : PARCELS_FILE,
				       r->live ? PARCEL_BYTES_LIVE : PARCEL_BYTES_FILE);

		if (err < 0)
			return err;
		r->mailbox_count++;
	}
	return 0;
}

static int make_workers(struct run *r)
{
	int err;

	r->worker_count = workers_wanted(r);
	r->shared.worker_count = r->worker_count;
	err = make_mailboxes(r);
	for (unsigned i = 0; i < r->worker_count && err == 0; i++) {
		struct run_thread *t = &r->workers[i];

		t->run = r;
		t->device_index = (uint16_t)i;
		if (r->live || r->worker_count == 1)
			t->device = i < r->device_count ? r->devices[i] : NULL;
		err = worker_new(&t->worker, &r->shared, i);
		if (err == 0 && profile_log_rate(r) > 0 && r->rules != NULL)
			err = rules_profile_start(worker_rules(t->worker), profile_log_rate(r));
	}
	if (err < 0)
		log_error("workers cannot be made: %s", strerror(-err));
	return err;
}

static int thread_start(struct run *r, struct run_thread *t, void *(*function)(void *))
{
	int err = pthread_create(&t->thread, NULL, function, t);

	if (err != 0) {
		log_error("a thread cannot be started: %s", strerror(err));
		return -err;
	}
	t->started = true;
	r->running++;
	return 0;
}

static int start_threads(struct run *r)
{
	int err = 0;

	for (unsigned i = 0; i < r->worker_count && err == 0; i++)
		err = thread_start(r, &r->workers[i], worker_thread);
	if (err == 0 && !r->live && r->worker_count > 1) {
		r->reader.run = r;
		r->reader.device = r->devices[0];
		err = thread_start(r, &r->reader, reader_thread);
	}
	return err;
}

static void join_threads(struct run *r)
{
	for (unsigned i = 0; i < r->worker_count; i++) {
		if (r->workers[i].started)
			pthread_join(r->workers[i].thread, NULL);
	}
	if (r->reader.started)
		pthread_join(r->reader.thread, NULL);
}

bool run_rules_wait(struct run *r)
{
	for (unsigned waited = 0; waited < RULES_WAIT_MS; waited++) {
		bool all = true;

		for (unsigned i = 0; i < r->worker_count; i++)
			all = all && (r->workers[i].ended || worker_rules_current(r->workers[i].worker));
		if (all)
			return true;
		sleep_us(1000);
	}
	return false;
}

static void rules_reload(struct run *r)
{
	int err = reload_begin(r->reload);

	if (err == -EALREADY)
		r->reload_again = true;
	else if (err < 0)
		log_warning("rules can't be loaded anew: %s", strerror(-err));
}

static void rules_reloaded(struct run *r)
{
	int err = reload_finish(r->reload);

	if (err == -EAGAIN)
		return;
	control_reloaded(r->control, err);
	if (r->reload_again) {
		r->reload_again = false;
		rules_reload(r);
	}
}

static void handle_signal(struct run *r, int signals_fd)
{
	struct signalfd_siginfo info;

	if (read(signals_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP:
		output_reopen(r->output);
		break;
	case SIGUSR2:
		rules_reload(r);
		break;
	default:
		if (r->shared.stopping) {
			log_warning("ending at once: asked twice");
			_exit(EXIT_PROBLEM);
		}
		r->shared.stopping = true;
	}
}

/* All workers' snapshots, as fresh as can be had. */
void run_snapshots(struct run *r)
{
	for (unsigned i = 0; i < r->worker_count; i++)
		worker_stats_ask(r->workers[i].worker);
	for (unsigned waited = 0; waited < SNAPSHOT_WAIT_MS && r->running > 0; waited++) {
		bool all = true;

		for (unsigned i = 0; i < r->worker_count; i++)
			all = all && worker_stats_ready(r->workers[i].worker);
		if (all)
			break;
		sleep_us(1000);
	}
}

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void attend(struct run *r, int signals_fd)
{
	struct pollfd fds[3 + CONTROL_FDS_MAX] = {
		{ .fd = signals_fd, .events = POLLIN }, { .fd = r->ended_fd, .events = POLLIN },
		{ .fd = reload_fd(r->reload), .events = POLLIN },
	};

	while (r->running > 0) {
		unsigned control = control_poll(r->control, fds + 3);
		uint64_t ended;

		if (poll(fds, 3 + control, TICK_MS) < 0 && errno != EINTR)
			break;
		if (fds[0].revents & POLLIN)
			handle_signal(r, signals_fd);
		if ((fds[1].revents & POLLIN) && read(r->ended_fd, &ended, sizeof(ended)) < 0)
			break;
		if (fds[2].revents & POLLIN)
			rules_reloaded(r);
		control_attend(r->control, fds + 3, control);
		r->seconds = seconds_since(&r->started);
		if (r->running > 0) {
			stats_tick(r->stats, r);
			report_progress(r);
		}
	}
	r->shared.stopping = true;
	r->seconds = seconds_since(&r->started);
}

static int signals_open(sigset_t *before)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGUSR2);
	/* Before threads are made: they inherit it. */
	pthread_sigmask(SIG_BLOCK, &mask, before);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run_drive(struct run *r)
{
	sigset_t before;
	int signals_fd = signals_open(&before);
	int err;

	r->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &r->started);
	err = r->ended_fd < 0 || signals_fd < 0 ? -errno : stats_new(&r->stats, r);
	if (err == 0)
		err = reload_new(&r->reload, r);
	if (err == 0)
		err = control_new(&r->control, r);
	if (err == 0)
		err = make_workers(r);
	if (err == 0) {
		run_warn_unused_keys(r);
		err = start_threads(r);
		if (err < 0)
			r->shared.stopping = true;
		attend(r, signals_fd);
		join_threads(r);
		control_free(r->control);
		r->control = NULL;
		report_progress_clear(r);
		stats_finish(r->stats, r);
		profile_log_write(r);
		if (r->rule_state != NULL)
			rule_state_save(r->rule_state);
		if (err == 0 && r->shared.receive_error != 0) {
			err = r->shared.receive_error;
			log_error("receiving failed: %s", strerror(-err));
		}
	}
	control_free(r->control);
	r->control = NULL;
	for (unsigned i = 0; i < r->worker_count; i++) {
		worker_free(r->workers[i].worker);      /* what they counted is in the stats now */
		r->workers[i].worker = NULL;
	}
	if (signals_fd >= 0)
		close(signals_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}
