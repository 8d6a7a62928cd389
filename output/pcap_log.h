/* pcap_log.h - `pcap-log`: packets as they came, into capture files in the log directory. */
#ifndef TAPIR_OUTPUT_PCAP_LOG_H
#define TAPIR_OUTPUT_PCAP_LOG_H

#include "base/conf.h"
#include "rules/rules.h"
#include "stack/track/flow.h"

struct pcap_log;

int pcap_log_new(struct pcap_log **out, const struct conf *conf, const char *log_dir);
/* Writes the packet where the settings want it. Any worker. */
void pcap_log_packet(struct pcap_log *l, const struct flow *flow, const struct packet *pkt, const struct alert_queue *alerts);
void pcap_log_free(struct pcap_log *l);

#endif
