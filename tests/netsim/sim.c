/* sim.c - see sim.h. */
#include "tests/netsim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/netsim/judge.h"

#define BLOCK 16384

void sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->now = SIM_S;
	s->trace = UINT64_C(0xcbf29ce484222325);
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->count; i++)
		tapir_host_free(s->hosts[i].host);
	s->count = 0;
}

static void mix(struct sim *s, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = s->trace;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	s->trace = h;
}

static void tap(void *ctx, struct tapir_host *h, int netif, bool out, const void *ip, size_t len, uint64_t now_ns)
{
	struct sim_host *host = ctx;
	struct sim *s = host->sim;

	(void)h;
	(void)netif;
	s->packets++;
	mix(s, &now_ns, sizeof(now_ns));
	mix(s, &out, sizeof(out));
	/* The headers, and what the payload hashes to by its ends. */
	mix(s, ip, len < 120 ? len : 120);
	if (len > 120)
		mix(s, (const uint8_t *)ip + len - 8, 8);
	if (host->judge)
		judge_packet(host->judge, ip, len, now_ns);
}

static void *memory(void *ctx, void *p, size_t old_size, size_t size)
{
	struct sim_host *host = ctx;

	if (size == 0) {
		host->bytes_out -= old_size;
		free(p);
		return NULL;
	}
	if (++host->allocations == host->fail_at)
		return NULL;
	host->bytes_out += size;
	return malloc(size);
}

int sim_host_add(struct sim *s)
{
	struct sim_host *host = &s->hosts[s->count];
	const struct tapir_host_config cfg = {
		.ctx = host, .seed = s->seed * 1000 + s->count + 1, .tap = tap,
		.memory = s->own_memory ? memory : NULL,
	};
	int err;

	must(s->count < SIM_HOSTS);
	host->sim = s;
	err = tapir_host_new(&host->host, &cfg);
	if (err < 0) {
		must(s->tolerant);
		return err;
	}
	tapir_host_poll(host->host, s->now, 0);
	return (int)s->count++;
}

static int end_add(struct sim *s, unsigned i, struct tapir_device *dev, unsigned net, unsigned number)
{
	struct sim_host *host = &s->hosts[i];
	char name[16], text[48];
	const struct tapir_netif_config cfg = { .name = name, .no_dad = true, .no_slaac = true };
	int netif, err;

	snprintf(name, sizeof(name), "net%u", net);
	netif = tapir_netif_add(host->host, dev, &cfg);
	if (netif < 0) {
		must(s->tolerant);
		tapir_device_close(dev);
		return netif;
	}
	snprintf(text, sizeof(text), "10.0.%u.%u/24", net, number);
	err = tapir_address_add(host->host, netif, text);
	snprintf(text, sizeof(text), "fd00:%u::%u/64", net, number);
	if (err == 0)
		err = tapir_address_add(host->host, netif, text);
	must(err == 0 || s->tolerant);
	host->links++;
	return err < 0 ? err : netif;
}

int sim_link(struct sim *s, unsigned a, unsigned b, unsigned net, const char *impairment)
{
	struct tapir_device *dev[2];
	char text[256];
	int err, other;

	must(tapir_memory_pair(dev, TAPIR_MEDIUM_ETHERNET, 1500, 4096) == 0);
	if (impairment) {
		snprintf(text, sizeof(text), "%s,seed=%llu", impairment, (unsigned long long)(s->seed + net));
		must(tapir_device_impair(&dev[0], text) == 0);
	}
	err = end_add(s, a, dev[0], net, 1);
	other = end_add(s, b, dev[1], net, 2);
	return err < 0 ? err : other < 0 ? other : 0;
}

uint8_t sim_byte(uint16_t port, unsigned side, uint64_t offset)
{
	return (uint8_t)((offset * UINT64_C(2654435761) >> 11) + (offset >> 9) + port * 7u + side * 85u);
}

static void buffers_set(struct sim *s, unsigned host, int fd)
{
	if (s->rcvbuf)
		must(tapir_setsockopt(s->hosts[host].host, fd, SOL_SOCKET, SO_RCVBUF, &s->rcvbuf,
				      sizeof(s->rcvbuf)) == 0);
	if (s->sndbuf)
		must(tapir_setsockopt(s->hosts[host].host, fd, SOL_SOCKET, SO_SNDBUF, &s->sndbuf,
				      sizeof(s->sndbuf)) == 0);
}

static socklen_t address_of(struct sockaddr_storage *out, const char *address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	must(inet_pton(AF_INET6, address, &in6->sin6_addr) == 1);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

struct sim_talk *sim_talk_start(struct sim *s, unsigned client, unsigned server, const char *address, uint16_t port,
				uint64_t up, uint64_t down)
{
	struct sim_talk *t = &s->talks[s->talk_count++];
	struct tapir_host *c = s->hosts[client].host, *h = s->hosts[server].host;
	struct sockaddr_storage name;
	const socklen_t len = address_of(&name, address, port);
	int l, err;

	must(s->talk_count <= SIM_TALKS);
	*t = (struct sim_talk){ .client = client, .server = server, .total = { up, down }, .port = port,
				.fd = { -1, -1 } };
	l = tapir_socket(h, name.ss_family, SOCK_STREAM, 0);
	err = l < 0 ? l : tapir_bind(h, l, (const struct sockaddr *)&name, len);
	if (err == 0) {
		buffers_set(s, server, l);
		err = tapir_listen(h, l, 4);
	}
	if (err == 0) {
		t->fd[0] = tapir_socket(c, name.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		err = t->fd[0] < 0 ? t->fd[0] : 0;
	}
	if (err == 0) {
		buffers_set(s, client, t->fd[0]);
		err = tapir_connect(c, t->fd[0], (const struct sockaddr *)&name, len);
	}
	/* Until it is accepted fd[1] is the listener's, as a negative number. */
	t->fd[1] = l >= 0 ? -2 - l : -1;
	if (err != -EINPROGRESS) {
		must(s->tolerant);
		t->failed = true;
	}
	return t;
}

static void talk_end(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct tapir_host *h = s->hosts[side ? t->server : t->client].host;

	if (t->fd[side] >= 0)
		tapir_close(h, t->fd[side]);
	else if (t->fd[side] <= -2)
		tapir_close(h, -2 - t->fd[side]);
	t->fd[side] = -1;
}

static void talk_failed(struct sim *s, struct sim_talk *t)
{
	must(s->tolerant);
	t->failed = true;
}

static void talk_write(struct sim *s, struct sim_talk *t, unsigned side)
{
	static const size_t steps[] = { 100, 1460, BLOCK, 5000 };
	struct tapir_host *h = s->hosts[side ? t->server : t->client].host;
	uint8_t block[BLOCK];

	while (t->sent[side] < t->total[side]) {
		size_t n = steps[t->sent[side] / 7 % 4];
		ssize_t got;

		if (n > t->total[side] - t->sent[side])
			n = t->total[side] - t->sent[side];
		for (size_t i = 0; i < n; i++)
			block[i] = sim_byte(t->port, side, t->sent[side] + i);
		got = tapir_send(h, t->fd[side], block, n, 0);
		if (got == -EAGAIN || (got == -ENOBUFS && s->tolerant))
			return;
		if (got < 0) {
			talk_failed(s, t);
			return;
		}
		t->sent[side] += (uint64_t)got;
	}
	if (!t->shut[side]) {
		const int err = tapir_shutdown(h, t->fd[side], SHUT_WR);

		t->shut[side] = true;
		if (err < 0 && err != -ENOTCONN)
			talk_failed(s, t);
	}
}

static void talk_read(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct tapir_host *h = s->hosts[side ? t->server : t->client].host;
	uint8_t block[BLOCK];

	while (!t->end[side]) {
		const ssize_t n = tapir_recv(h, t->fd[side], block, sizeof(block), 0);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			talk_failed(s, t);
			return;
		}
		if (n == 0) {
			t->end[side] = true;
			/* The stream must have arrived whole. */
			must(t->got[side] == t->total[!side] || s->tolerant);
			return;
		}
		for (ssize_t i = 0; i < n; i++)
			must(block[i] == sim_byte(t->port, !side, t->got[side] + (uint64_t)i));
		t->got[side] += (uint64_t)n;
		must(t->got[side] <= t->total[!side]);
	}
}

static void talk_step(struct sim *s, struct sim_talk *t)
{
	if (t->done)
		return;
	if (t->fd[1] <= -2 && !t->failed) {
		struct tapir_host *h = s->hosts[t->server].host;
		const int l = -2 - t->fd[1], fd = tapir_accept(h, l, NULL, NULL);

		if (fd >= 0) {
			tapir_close(h, l);
			t->fd[1] = fd;
		} else {
			must(fd == -EAGAIN || s->tolerant);
		}
	}
	for (unsigned side = 0; side < 2 && !t->failed; side++) {
		if (t->fd[side] < 0)
			continue;
		talk_write(s, t, side);
		if (!t->failed)
			talk_read(s, t, side);
		if (t->shut[side] && t->end[side])
			talk_end(s, t, side);
	}
	if (t->failed) {
		talk_end(s, t, 0);
		talk_end(s, t, 1);
	}
	if (t->fd[0] == -1 && t->fd[1] == -1) {
		t->done = true;
		t->done_ns = s->now;
	}
}

static void settle(struct sim *s)
{
	int n;

	do {
		n = 0;
		for (unsigned i = 0; i < s->count; i++)
			n += tapir_host_poll(s->hosts[i].host, s->now, 0);
	} while (n > 0);
}

void sim_run(struct sim *s, uint64_t for_ns)
{
	const uint64_t until = s->now + for_ns;

	for (;;) {
		uint64_t due = UINT64_MAX;

		settle(s);
		for (unsigned i = 0; i < s->talk_count; i++)
			talk_step(s, &s->talks[i]);
		settle(s);
		for (unsigned i = 0; i < s->count; i++) {
			const uint64_t d = tapir_host_deadline(s->hosts[i].host);

			due = d < due ? d : due;
			if (s->hosts[i].judge)
				judge_compare(s->hosts[i].judge, s->hosts[i].host);
		}
		if (due > until)
			break;
		s->now = due > s->now ? due : s->now + 1000;
	}
	s->now = until;
	settle(s);
}
