/* respond.c - see respond.h. The frames go out through a packet socket beside whatever the interface is watched
 * with, so that no worker waits for another's device. */
#include "sensor/respond.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "capture/net_interface.h"
#include "stack/wire/ip.h"
#include "stack/wire/reject.h"

struct responder {
	int fd;
	bool on_drop;
	bool ethernet;                  /* else frames are bare packets */
};

int responder_new(struct responder **out, const struct conf *conf, const char *interface)
{
	const char *name = interface ? interface : conf_str(conf, "reject.interface", NULL);
	struct net_interface info;
	struct responder *r;

	*out = NULL;
	if (name == NULL)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->on_drop = conf_bool(conf, "reject.on-drop", false);
	r->fd = net_interface_packet_socket(name);
	if (r->fd < 0 || net_interface_query(&info, name) < 0) {
		int err = r->fd < 0 ? r->fd : -ENODEV;

		log_error("%s: answers of rejecting rules can't be sent there: %s", name, strerror(-err));
		responder_free(r);
		return err;
	}
	r->ethernet = info.ethernet;
	log_info("%s: answers of rejecting rules are sent there", name);
	*out = r;
	return 0;
}

void responder_free(struct responder *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

void responder_packet(const struct responder *r, const struct packet *pkt, bool dropped, uint64_t *sent,
		      uint64_t *failed)
{
	struct reject_frame frames[REJECT_FRAMES_MAX];
	unsigned to = pkt->reject_to;

	if (to == 0 && r->on_drop && dropped && pkt->proto == PROTO_TCP)
		to = REJECT_TO_SOURCE | REJECT_TO_DESTINATION;
	if (to == 0 || (pkt->link == LINK_ETHERNET) != r->ethernet)
		return;
	for (unsigned one = REJECT_TO_SOURCE; one <= REJECT_TO_DESTINATION; one <<= 1) {
		unsigned n = to & one ? reject_build(frames, pkt, (enum reject_to)one) : 0;

		for (unsigned i = 0; i < n; i++) {
			if (send(r->fd, frames[i].data, frames[i].len, 0) == (ssize_t)frames[i].len)
				++*sent;
			else
				++*failed;
		}
	}
}
