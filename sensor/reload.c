/* reload.c - see reload.h. */
#include "sensor/reload.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/run.h"

struct reload {
	struct run *run;
	pthread_t thread;
	bool running;
	int fd;                         /* eventfd: the thread is done */
	/* The thread's result. */
	int err;
	struct rule_set *set;
	struct rule_report report;
	struct config *config;          /* as it is on disk now */
	struct config *config_in_use;   /* the one before, which the set in use was made from */
};

int reload_new(struct reload **out, struct run *r)
{
	struct reload *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return -ENOMEM;
	l->run = r;
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->fd < 0) {
		free(l);
		return -errno;
	}
	*out = l;
	return 0;
}

static void result_drop(struct reload *l)
{
	rule_report_free(&l->report);
	if (l->set != NULL)
		rule_set_put(l->set);
	config_free(l->config);
	l->set = NULL;
	l->config = NULL;
}

void reload_free(struct reload *l)
{
	if (l == NULL)
		return;
	if (l->running)
		pthread_join(l->thread, NULL);
	result_drop(l);
	config_free(l->config_in_use);
	close(l->fd);
	free(l);
}

int reload_fd(const struct reload *l)
{
	return l->fd;
}

bool reload_is_running(const struct reload *l)
{
	return l->running;
}

/* Variables, rule files and thresholds may have changed in the configuration, too. */
static int config_again(struct reload *l)
{
	int err = run_config_load(l->run, &l->config);

	if (err < 0)
		log_error("%s", l->config ? l->config->error : "out of memory");
	return err;
}

static void *load_thread(void *arg)
{
	struct reload *l = arg;
	uint64_t one = 1;

	l->err = config_again(l);
	if (l->err == 0)
		l->err = run_rules_load(l->run, l->config->root, &l->set, &l->report);
	/* Files that hold nothing but mistakes are an accident, not a wish for silence. */
	if (l->err == 0 && rule_set_count(l->set) == 0 && rule_set_count(l->run->rules) > 0 &&
	    (l->report.rules_failed > 0 || l->report.files_missing > 0))
		l->err = -EINVAL;
	while (write(l->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

int reload_begin(struct reload *l)
{
	int err;

	if (l->running)
		return -EALREADY;
	if (l->run->rules == NULL)
		return -ENOTSUP;
	log_notice("loading rules anew");
	err = pthread_create(&l->thread, NULL, load_thread, l);
	l->running = err == 0;
	return -err;
}

/* Workers take the new rules at their next burst; the old ones go once all have. */
static void set_replace(struct reload *l)
{
	struct run *r = l->run;
	struct rule_set *old = r->rules;

	run_rules_adopt(r, l->set, &l->report);
	l->set = NULL;
	config_free(l->config_in_use);
	l->config_in_use = l->config;
	l->config = NULL;
	if (!run_rules_wait(r))
		log_notice("some workers wait for packets: they take the new rules with the next");
	rule_set_put(old);
	malloc_trim(0);         /* a set of rules is much memory in small pieces */
	log_notice("%u rules in place", rule_set_count(r->rules));
}

int reload_finish(struct reload *l)
{
	uint64_t ended;
	int err;

	if (!l->running || read(l->fd, &ended, sizeof(ended)) != sizeof(ended))
		return -EAGAIN;
	pthread_join(l->thread, NULL);
	l->running = false;
	err = l->err;
	if (err == 0)
		set_replace(l);
	else
		log_warning("the rules stay as they were");
	result_drop(l);
	return err;
}
