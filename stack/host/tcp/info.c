/* info.c - TCP_INFO, in the layout of <linux/tcp.h>. */
#include <linux/tcp.h>

#include "stack/host/tcp/tcp.h"

static uint8_t options_of(const struct tcp_pcb *p)
{
	return (uint8_t)((p->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) | (p->sack_ok ? TCPI_OPT_SACK : 0) |
			 (p->wscale_ok ? TCPI_OPT_WSCALE : 0) | (p->ecn & ECN_OK ? TCPI_OPT_ECN : 0) |
			 (p->ecn & ECN_SEEN ? TCPI_OPT_ECN_SEEN : 0) | (p->syn_data_acked ? TCPI_OPT_SYN_DATA : 0));
}

int pcb_info(const struct tcp_pcb *p, void *value, socklen_t *len)
{
	const uint32_t now = pcb_now_ms(p);
	struct tcp_info i;

	memset(&i, 0, sizeof(i));
	i.tcpi_state = p->state;
	i.tcpi_ca_state = p->ca_state;
	i.tcpi_retransmits = p->retransmits;
	i.tcpi_probes = p->probes_out;
	i.tcpi_backoff = p->backoff;
	i.tcpi_options = options_of(p);
	i.tcpi_snd_wscale = p->snd_wscale & 15;
	i.tcpi_rcv_wscale = p->rcv_wscale & 15;
	i.tcpi_snd_cwnd = p->cwnd;
	i.tcpi_snd_ssthresh = p->ssthresh;
	i.tcpi_reordering = p->reordering;
	if (p->state == PCB_LISTEN) {
		i.tcpi_unacked = p->listener->accept_count;
		i.tcpi_sacked = p->listener->backlog;
	} else {
		i.tcpi_unacked = p->packets_out;
		i.tcpi_sacked = p->sacked_out;
	}
	i.tcpi_rto = p->rto_us;
	i.tcpi_ato = p->ato_us;
	i.tcpi_snd_mss = p->mss;
	i.tcpi_rcv_mss = p->rcv_mss;
	i.tcpi_lost = p->lost_out;
	i.tcpi_retrans = p->retrans_out;
	i.tcpi_last_data_sent = now - p->sent_ms;
	i.tcpi_last_data_recv = now - p->rcv_data_ms;
	i.tcpi_last_ack_recv = now - p->rcv_ms;
	i.tcpi_pmtu = p->pmtu;
	i.tcpi_rcv_ssthresh = p->rcv_ssthresh;
	i.tcpi_rtt = p->srtt_us >> 3;
	i.tcpi_rttvar = p->mdev_us >> 2;
	i.tcpi_advmss = p->advmss;
	i.tcpi_rcv_rtt = p->drs_rtt_us >> 3;
	i.tcpi_rcv_space = p->drs_space;
	i.tcpi_total_retrans = p->total_retrans;
	i.tcpi_pacing_rate = i.tcpi_max_pacing_rate = UINT64_MAX;
	i.tcpi_bytes_acked = p->bytes_acked;
	i.tcpi_bytes_received = p->bytes_received;
	i.tcpi_segs_out = p->segs_out;
	i.tcpi_segs_in = p->segs_in;
	i.tcpi_notsent_bytes = p->write_seq - p->snd_nxt;
	i.tcpi_min_rtt = pcb_min_rtt(p);
	i.tcpi_data_segs_in = p->data_segs_in;
	i.tcpi_data_segs_out = p->data_segs_out;
	i.tcpi_delivered = p->delivered;
	i.tcpi_delivered_ce = p->delivered_ce;
	i.tcpi_bytes_sent = p->bytes_sent;
	i.tcpi_bytes_retrans = p->bytes_retrans;
	i.tcpi_dsack_dups = p->dsack_dups;
	i.tcpi_reord_seen = p->reord_seen;
	i.tcpi_snd_wnd = p->snd_wnd;
	if (*len > sizeof(i))
		*len = sizeof(i);
	memcpy(value, &i, *len);
	return 0;
}
