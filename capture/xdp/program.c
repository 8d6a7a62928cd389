/* program.c - libbpf: loads the XDP program and hangs it onto an interface.
 *
 * It is attached by a BPF link, which the kernel undoes when its last descriptor is
 * closed: a process that is killed leaves nothing behind. Programs attached the
 * old way by whoever, under our name, are taken off first. The best of several
 * combinations is kept: native before generic, able to take frames of several
 * buffers before not, with the VLAN tag before without. */
#include "capture/xdp/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "capture/xdp/mirror.bpf.h"
#include "capture/xdp/steer.bpf.h"
#include "capture/xdp/steer_vlan.bpf.h"

#define PROGRAM_NAME "tapir_xdp"
/* Newer than the headers that tapir may be built with. */
#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1u << 5)
#endif
#define F_XDP_DEV_BOUND_ONLY (1u << 6)
#define F_BEFORE (1u << 3)
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
/* Ours among the filters of an interface, so that one left behind is replaced. */
enum { FILTER_HANDLE = 0x7a70, FILTER_PRIORITY = 1 };
/* A program whose process was killed a moment ago may still be going away. */
#define ATTACH_TRIES 100
#define ATTACH_WAIT_NS 10000000

struct xdp_program {
	struct bpf_object *object;
	int link;
	int sockets;            /* the XSKMAP */
	bool native, frags, vlan;
	char reason[200];
	_Atomic uint32_t refs;
};

/* Quiet: what matters is in the error code, and the edge words it. */
static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

/* Loads one combination; 0 or -errno. */
static int program_load(struct xdp_program *p, uint32_t if_index)
{
	const void *elf = p->vlan ? steer_vlan_bpf : steer_bpf;
	size_t len = p->vlan ? sizeof(steer_vlan_bpf) : sizeof(steer_bpf);
	struct bpf_program *program;
	struct bpf_map *map;
	uint32_t flags = 0;
	int err;

	p->object = bpf_object__open_mem(elf, len, NULL);
	if (p->object == NULL)
		return -errno;
	program = bpf_object__find_program_by_name(p->object, PROGRAM_NAME);
	map = bpf_object__find_map_by_name(p->object, "tapir_xsks");
	must(program && map);
	if (p->frags)
		flags |= BPF_F_XDP_HAS_FRAGS;
	if (p->vlan) {
		flags |= F_XDP_DEV_BOUND_ONLY;
		bpf_program__set_ifindex(program, if_index);
	}
	bpf_program__set_flags(program, flags);
	err = bpf_object__load(p->object);
	if (err < 0) {
		bpf_object__close(p->object);
		p->object = NULL;
		return err;
	}
	p->sockets = bpf_map__fd(map);
	return bpf_program__fd(program);
}

/* Is the program that occupies the interface one of ours? Takes it off where it was attached without a
 * link, that is, where no process holds it. */
static bool occupant_is_ours(uint32_t if_index)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = { 0 };
	uint32_t info_len = sizeof(info);
	bool ours;
	int fd;

	if (bpf_xdp_query((int)if_index, 0, &query) < 0)
		return false;
	fd = bpf_prog_get_fd_by_id(query.prog_id);
	if (fd < 0)
		return query.prog_id == 0;      /* gone in the meantime */
	ours = bpf_obj_get_info_by_fd(fd, &info, &info_len) == 0 && strcmp(info.name, PROGRAM_NAME) == 0;
	if (ours) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, detach, .old_prog_fd = fd);
		uint32_t mode = query.attach_mode == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE :
				XDP_FLAGS_DRV_MODE;

		bpf_xdp_detach((int)if_index, mode, &detach);
	}
	close(fd);
	return ours;
}

static int program_attach(const struct xdp_program *p, int fd, uint32_t if_index)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = p->native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	const struct timespec wait = { .tv_nsec = ATTACH_WAIT_NS };
	int link = -EBUSY;

	for (unsigned i = 0; i < ATTACH_TRIES; i++) {
		link = bpf_link_create(fd, (int)if_index, BPF_XDP, &opts);
		if ((link != -EBUSY && link != -EEXIST) || !occupant_is_ours(if_index))
			break;
		nanosleep(&wait, NULL);
	}
	return link;
}

static void explain(char *why, size_t len, const char *interface, uint32_t if_index, int err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if ((err == -EBUSY || err == -EEXIST) && bpf_xdp_query((int)if_index, 0, &query) == 0)
		snprintf(why, len, "%s has another XDP program already (id %u%s)", interface, query.prog_id,
			 occupant_is_ours(if_index) ? ", of another tapir that is running" : "");
	else if (err == -EPERM)
		snprintf(why, len, "loading an XDP program needs root, or CAP_BPF, CAP_NET_ADMIN and "
			 "CAP_NET_RAW");
	else
		snprintf(why, len, "the XDP program can't be attached to %s: %s", interface, strerror(-err));
}

int xdp_program_open(struct xdp_program **out, const char *interface, uint32_t if_index, bool generic,
		     char *why, size_t why_len)
{
	static const struct {
		bool native, frags, vlan;
	} combinations[] = {
		{ true, true, true },   { true, false, true }, { true, true, false },
		{ true, false, false }, { false, true, false }, { false, false, false },
	};
	struct xdp_program *p = calloc(1, sizeof(*p));
	int err = -EOPNOTSUPP, native_err = 0;

	if (p == NULL)
		return -ENOMEM;
	libbpf_set_print(print_nothing);
	p->refs = 1;
	for (size_t i = 0; i < ARRAY_LEN(combinations); i++) {
		if (combinations[i].native && generic)
			continue;
		p->native = combinations[i].native;
		p->frags = combinations[i].frags;
		p->vlan = combinations[i].vlan;
		err = program_load(p, if_index);
		if (err >= 0)
			err = program_attach(p, err, if_index);
		if (err >= 0)
			break;
		if (p->native)
			native_err = err;
		if (p->object)
			bpf_object__close(p->object);
		p->object = NULL;
		if (err == -EPERM || err == -EBUSY || err == -EEXIST || err == -ENODEV)
			break;
	}
	if (err < 0) {
		explain(why, why_len, interface, if_index, err);
		free(p);
		return err;
	}
	p->link = err;
	if (!p->native && !generic)
		snprintf(p->reason, sizeof(p->reason), "the driver has no native XDP for this setup (%s)",
			 strerror(-native_err));
	*out = p;
	return 0;
}

struct xdp_program *xdp_program_ref(struct xdp_program *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void xdp_program_put(struct xdp_program *p)
{
	if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	close(p->link);
	bpf_object__close(p->object);
	free(p);
}

int xdp_program_socket_set(struct xdp_program *p, uint32_t queue, int fd)
{
	int err = fd >= 0 ? bpf_map_update_elem(p->sockets, &queue, &fd, BPF_ANY) :
		  bpf_map_delete_elem(p->sockets, &queue);

	return err < 0 ? err : 0;
}

bool xdp_program_is_native(const struct xdp_program *p)
{
	return p->native;
}

bool xdp_program_has_frags(const struct xdp_program *p)
{
	return p->frags;
}

bool xdp_program_has_vlan(const struct xdp_program *p)
{
	return p->vlan;
}

const char *xdp_program_reason(const struct xdp_program *p)
{
	return p->reason;
}

struct tc_mirror {
	struct bpf_object *object;
	int links[2];           /* arriving, leaving; -1 = none */
	uint32_t if_index;
	bool filters[2];        /* attached as classic filters: before Linux 6.6 */
	bool hook_made;
};

static const enum bpf_tc_attach_point attach_points[2] = { BPF_TC_INGRESS, BPF_TC_EGRESS };

/* Attaches in front of all other programs, undone by the kernel with the descriptor. Returns it or -errno. */
static int tcx_attach(int program, uint32_t if_index, uint32_t where)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = if_index;
	attr.link_create.attach_type = where;
	attr.link_create.flags = F_BEFORE;
	fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}

static int filter_attach(struct tc_mirror *m, int program, unsigned which)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)m->if_index,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (err < 0 && err != -EEXIST)
		return err;
	m->hook_made = m->hook_made || err == 0;
	hook.attach_point = attach_points[which];
	err = bpf_tc_attach(&hook, &opts);
	m->filters[which] = err == 0;
	return err;
}

static int mirror_load(struct tc_mirror *m, uint32_t to_index)
{
	struct bpf_map *constants;
	int err;

	m->object = bpf_object__open_mem(mirror_bpf, sizeof(mirror_bpf), NULL);
	if (m->object == NULL)
		return -errno;
	constants = bpf_object__find_map_by_name(m->object, ".rodata");
	must(constants);
	err = bpf_map__set_initial_value(constants, &to_index, sizeof(to_index));
	return err < 0 ? err : bpf_object__load(m->object);
}

int tc_mirror_open(struct tc_mirror **out, uint32_t if_index, uint32_t to_index, bool only_arriving)
{
	struct tc_mirror *m = calloc(1, sizeof(*m));
	int err, program;

	if (m == NULL)
		return -ENOMEM;
	m->if_index = if_index;
	m->links[0] = m->links[1] = -1;
	libbpf_set_print(print_nothing);
	err = mirror_load(m, to_index);
	for (unsigned i = 0; err == 0 && i < (only_arriving ? 1 : 2); i++) {
		program = bpf_program__fd(bpf_object__find_program_by_name(m->object, "tapir_mirror"));
		m->links[i] = tcx_attach(program, if_index, i ? TCX_EGRESS : TCX_INGRESS);
		if (m->links[i] == -EINVAL)
			err = filter_attach(m, program, i);
		else if (m->links[i] < 0)
			err = m->links[i];
	}
	if (err < 0) {
		tc_mirror_close(m);
		return err;
	}
	*out = m;
	return 0;
}

void tc_mirror_close(struct tc_mirror *m)
{
	if (m == NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)m->if_index,
			    .attach_point = attach_points[i]);
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

		if (m->links[i] >= 0)
			close(m->links[i]);
		if (m->filters[i])
			bpf_tc_detach(&hook, &opts);
	}
	if (m->hook_made) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)m->if_index,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
		bpf_tc_hook_destroy(&hook);
	}
	bpf_object__close(m->object);
	free(m);
}
