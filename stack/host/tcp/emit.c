/* emit.c - a segment onto the wire: the only file of TCP's that knows how IP is given something to send. */
#include "stack/host/tcp/tcp.h"

static struct pbuf *segment_build(struct tapir_host *h, const struct tcp_header *hdr, const struct tcp_chunks *bytes,
				  uint32_t len)
{
	struct pbuf *b = pbuf_get(h, PBUF_HEADROOM, TCP_HEADER_MAX + len);
	struct writer w;

	if (b == NULL)
		return NULL;
	w = writer_of(b->data, TCP_HEADER_MAX + len);
	tcp_build(&w, hdr);
	if (len)
		chunks_read(bytes, hdr->flags & TCP_SYN ? hdr->seq + 1 : hdr->seq, len, write_room(&w, len));
	b->len = (uint32_t)writer_len(&w);
	return b;
}

/* The path to the peer is known and its MTU taken into account. */
bool tcp_path(struct tcp_pcb *p)
{
	struct ip_send how = { .src = p->s.bind.local, .dst = p->s.bind.remote, .version = p->s.bind.version,
			       .proto = PROTO_TCP };

	if (p->path.generation == p->s.host->path_generation && p->path.netif != 0)
		return true;
	socket_send_how(&p->s, &how);
	how.src = p->s.bind.local;
	how.dst = p->s.bind.remote;
	how.version = p->s.bind.version;
	how.proto = PROTO_TCP;
	if (ip_path_find(p->s.host, &p->path, &how) < 0)
		return false;
	if (p->path.mtu != p->pmtu && p->pmtu != 0)
		pcb_sync_mss(p, p->path.mtu);
	return true;
}

/* Bytes, where len isn't 0, are those from hdr->seq on (behind a SYN: from the next). ecn: the two bits for IP. */
int tcp_emit(struct tcp_pcb *p, struct tcp_header *hdr, const struct tcp_chunks *bytes, uint32_t len, uint8_t ecn)
{
	struct ip_send how = { 0 };
	struct pbuf *b;

	hdr->src_port = p->s.bind.local_port;
	hdr->dst_port = p->s.bind.remote_port;
	b = segment_build(p->s.host, hdr, bytes, len);
	if (b == NULL)
		return -ENOBUFS;
	socket_send_how(&p->s, &how);
	how.src = p->s.bind.local;
	how.dst = p->s.bind.remote;
	how.version = p->s.bind.version;
	how.proto = PROTO_TCP;
	how.tos = (uint8_t)((how.tos & ~3u) | ecn);
	how.path = &p->path;
	l4_checksum_set(b->data, b->len, PROTO_TCP, how.version, &how.src, &how.dst);
	p->segs_out++;
	pcb_tcp(p)->count.segments_out++;
	return ip_send(p->s.host, b, &how);
}

/* A segment without bytes of something that isn't a connection. */
void tcp_emit_bare(struct tapir_host *h, const struct binding *bind, struct tcp_header *hdr, uint8_t tos, uint8_t ttl)
{
	struct ip_send how = { .src = bind->local, .dst = bind->remote, .version = bind->version, .proto = PROTO_TCP,
			       .tos = tos, .ttl = ttl, .fragment = IP_FRAGMENT_PATH, .netif = bind->netif };
	struct pbuf *b;

	hdr->src_port = bind->local_port;
	hdr->dst_port = bind->remote_port;
	b = segment_build(h, hdr, NULL, 0);
	if (b == NULL)
		return;
	l4_checksum_set(b->data, b->len, PROTO_TCP, how.version, &how.src, &how.dst);
	tcp_of(h)->count.segments_out++;
	ip_send(h, b, &how);
}

uint32_t tcp_segment_len(const struct packet *pkt)
{
	return (uint32_t)pkt->payload.len + !!(pkt->tcp_flags & TCP_SYN) + !!(pkt->tcp_flags & TCP_FIN);
}

struct binding tcp_binding_of(const struct packet *pkt)
{
	return (struct binding){ .local = pkt->dst, .remote = pkt->src, .local_port = pkt->dst_port,
				 .remote_port = pkt->src_port, .version = pkt->ip_version, .proto = PROTO_TCP };
}

/* RFC 9293 3.5.2: nobody is here for this segment. */
void tcp_reply_reset(struct tapir_host *h, const struct packet *pkt)
{
	const struct binding bind = tcp_binding_of(pkt);
	struct tcp_header hdr = { .flags = TCP_RST };

	if (pkt->tcp_flags & TCP_RST)
		return;
	if (pkt->tcp_flags & TCP_ACK) {
		hdr.seq = pkt->ack;
	} else {
		hdr.flags |= TCP_ACK;
		hdr.ack = pkt->seq + tcp_segment_len(pkt);
	}
	tcp_of(h)->count.resets_out++;
	tcp_emit_bare(h, &bind, &hdr, pkt->tos & 0xfc, 0);
}
