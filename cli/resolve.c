/* resolve.c - see resolve.h. */
#include "cli/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/reader.h"
#include "base/writer.h"
#include "tapir/socket.h"

#define DNS_PORT 53
#define DNS_HEADER_LEN 12
#define TYPE_A 1
#define TYPE_AAAA 28
#define CLASS_IN 1
#define RECURSION_WANTED 0x0100
#define ANSWER 0x8000
#define LABEL_MAX 63
#define NAME_MAX_LEN 253
#define LABELS_MAX 128
#define TRIES 3
#define WAIT_MS 1000
#define RECORDS_MAX 64

bool resolve_server(char *out, size_t len)
{
	FILE *in = fopen("/etc/resolv.conf", "re");
	char line[256], word[64];
	bool found = false;

	while (in != NULL && !found && fgets(line, sizeof(line), in) != NULL) {
		if (sscanf(line, " nameserver %63s", word) == 1) {
			snprintf(out, len, "%s", word);
			found = true;
		}
	}
	if (in != NULL)
		fclose(in);
	return found;
}

size_t resolve_question(uint8_t *out, size_t cap, uint16_t id, const char *name, int family)
{
	struct writer w = writer_of(out, cap);
	size_t n = strlen(name);

	write_be16(&w, id);
	write_be16(&w, RECURSION_WANTED);
	write_be16(&w, 1);
	for (unsigned i = 0; i < 3; i++)
		write_be16(&w, 0);
	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n == 0 || n > NAME_MAX_LEN)
		return 0;
	while (n > 0) {
		size_t label = strcspn(name, ".");

		if (label > n)
			label = n;
		if (label == 0 || label > LABEL_MAX)
			return 0;
		write_u8(&w, (uint8_t)label);
		write_bytes(&w, name, label);
		name += label;
		n -= label;
		if (n == 1)             /* a dot, and nothing behind it */
			return 0;
		if (n > 0) {
			name++;
			n--;
		}
	}
	write_u8(&w, 0);
	write_be16(&w, family == AF_INET ? TYPE_A : TYPE_AAAA);
	write_be16(&w, CLASS_IN);
	return w.ran_out ? 0 : writer_len(&w);
}

static void name_skip(struct reader *r)
{
	for (unsigned i = 0; i < LABELS_MAX; i++) {
		const uint8_t n = read_u8(r);

		if (n >= 0xc0)
			reader_skip(r, 1);
		else
			reader_skip(r, n);
		if (n == 0 || n >= 0xc0)
			return;
	}
	r->ran_out = true;
}

int resolve_answer(const uint8_t *answer, size_t len, const uint8_t *question, size_t question_len, int family, uint8_t *out,
		   unsigned *rcode)
{
	const uint16_t want = family == AF_INET ? TYPE_A : TYPE_AAAA;
	const size_t want_len = family == AF_INET ? 4 : 16;
	struct reader r = reader_of(answer, len);
	uint16_t flags, answers;

	/* Id and question must be ours: whoever guesses only the port gives no answer (RFC 5452). */
	if (len < question_len || memcmp(answer, question, 2) != 0 ||
	    memcmp(answer + DNS_HEADER_LEN, question + DNS_HEADER_LEN, question_len - DNS_HEADER_LEN) != 0)
		return -1;
	reader_skip(&r, 2);
	flags = read_be16(&r);
	reader_skip(&r, 2);
	answers = read_be16(&r);
	reader_skip(&r, 4 + question_len - DNS_HEADER_LEN);
	if (!(flags & ANSWER))
		return -1;
	*rcode = flags & 15;
	for (unsigned i = 0; i < answers && i < RECORDS_MAX && !r.ran_out; i++) {
		uint16_t type, class;
		struct slice data;

		name_skip(&r);
		type = read_be16(&r);
		class = read_be16(&r);
		reader_skip(&r, 4);
		data = read_slice(&r, read_be16(&r));
		if (!r.ran_out && type == want && class == CLASS_IN && data.len == want_len) {
			memcpy(out, data.data, want_len);
			return 1;
		}
	}
	return 0;
}

/* One family. As resolve_answer, or -errno (< -1). */
static int ask(struct tapir_host *h, int fd, uint16_t id, const char *name, int family, uint8_t *address, unsigned *rcode)
{
	uint8_t question[DNS_MESSAGE_MAX], answer[DNS_MESSAGE_MAX];
	const size_t len = resolve_question(question, sizeof(question), id, name, family);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (len == 0)
		return -EINVAL;
	for (unsigned i = 0; i < TRIES; i++) {
		const ssize_t sent = tapir_send(h, fd, question, len, 0);

		if (sent < 0)
			return (int)sent;
		while (tapir_poll(h, &p, 1, WAIT_MS) > 0) {
			const ssize_t n = tapir_recv(h, fd, answer, sizeof(answer), MSG_DONTWAIT);
			int found;

			if (n < 0 && n != -EAGAIN)
				return (int)n;
			found = n < DNS_HEADER_LEN ? -1 : resolve_answer(answer, (size_t)n, question, len, family, address, rcode);
			if (found >= 0)
				return found;
		}
	}
	return -ETIMEDOUT;
}

bool resolve(struct tapir_host *h, const struct sockaddr_storage *server, const char *name, int family,
	     struct sockaddr_storage *out, char *why, size_t why_len)
{
	static const char *const reasons[16] = { "there is no such address", "the server finds the question wrong",
		"the server failed", "there is no such name", "the server can't do that", "the server refuses" };
	struct sockaddr_storage to = *server;
	uint16_t id = 0;
	unsigned rcode = 0;
	int found = 0, fd = tapir_socket(h, to.ss_family, SOCK_DGRAM, 0);

	if (to.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&to)->sin_port = htons(DNS_PORT);
	else
		((struct sockaddr_in6 *)(void *)&to)->sin6_port = htons(DNS_PORT);
	memset(out, 0, sizeof(*out));
	if (getentropy(&id, sizeof(id)) < 0)
		id = (uint16_t)tapir_host_now(h);
	if (fd < 0)
		found = fd;
	if (found == 0)
		found = tapir_connect(h, fd, (const struct sockaddr *)&to, to.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
				      sizeof(struct sockaddr_in6));
	if (found == 0 && family != AF_INET6) {
		out->ss_family = AF_INET;
		found = ask(h, fd, id, name, AF_INET, (uint8_t *)&((struct sockaddr_in *)(void *)out)->sin_addr, &rcode);
	}
	if (found == 0 && family != AF_INET) {
		out->ss_family = AF_INET6;
		found = ask(h, fd, id ^ 1, name, AF_INET6, (uint8_t *)&((struct sockaddr_in6 *)(void *)out)->sin6_addr, &rcode);
	}
	if (fd >= 0)
		tapir_close(h, fd);
	if (found == -EINVAL)
		snprintf(why, why_len, "this is neither a name nor an address");
	else if (found < 0)
		snprintf(why, why_len, "the DNS server doesn't answer: %s", strerror(-found));
	else if (found == 0)
		snprintf(why, why_len, "%s", reasons[rcode & 15] ? reasons[rcode & 15] : "the server says no");
	return found > 0;
}
