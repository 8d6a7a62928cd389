/* fast_log.c - one line an alert, for people with tail and grep. */
#include <stdio.h>
#include <time.h>

#include "output/eve.h"

void fast_log(struct records *r, const struct packet *pkt, const struct alert *a)
{
	char when[32], line[768], src[IP_TEXT_MAX] = "", dst[IP_TEXT_MAX] = "", number[4];
	time_t second = (time_t)(pkt->time_ns / 1000000000);
	struct tm tm;

	localtime_r(&second, &tm);
	strftime(when, sizeof(when), "%m/%d/%Y-%H:%M:%S", &tm);
	if (pkt->ip_version != 0) {
		ip_addr_text(&pkt->src, pkt->ip_version, src);
		ip_addr_text(&pkt->dst, pkt->ip_version, dst);
	}
	const char *what = a->action == ACTION_ALERT || a->action == ACTION_PASS ? "" :
			   a->flags & ALERT_DROPPED ? "[Drop] " : "[wDrop] ";
	int n = snprintf(line, sizeof(line),
			 "%s.%06u  %s[**] [%u:%u:%u] %.400s [**] [Classification: %s] [Priority: %u] {%s} %s:%u -> %s:%u", when,
			 (unsigned)(pkt->time_ns % 1000000000 / 1000), what, a->rule->gid, a->rule->sid, a->rule->rev,
			 a->rule->msg ? a->rule->msg : "(null)", a->rule->category ? a->rule->category : "(null)", a->rule->priority,
			 eve_proto_name(pkt->proto, number), src, pkt->proto == 1 || pkt->proto == 58 ? pkt->icmp_type : pkt->src_port,
			 dst, pkt->proto == 1 || pkt->proto == 58 ? pkt->icmp_code : pkt->dst_port);

	if (n > 0) {
		struct record_head head = { .len = (uint32_t)((size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1),
					    .type = RECORD_TYPE_ALERT, .severity = (uint8_t)a->rule->priority };

		if (!delivery_put(r->out->fast, r->fast, &head, line))
			r->stats.shed++;
	}
}
