/* account.c - sums over what the workers counted. */
#include "sensor/account.h"

uint64_t account_dropped(const struct account *a)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ACCOUNT_DROPS; i++)
		sum += a->dropped[i];
	return sum;
}

bool account_holds(const struct account *a)
{
	return a->received == a->followed + account_dropped(a);
}

void account_add(struct account *total, const struct account *one)
{
	total->received += one->received;
	total->received_bytes += one->received_bytes;
	total->followed += one->followed;
	total->held += one->held;
	for (unsigned i = 0; i < ACCOUNT_DROPS; i++)
		total->dropped[i] += one->dropped[i];
}

const char *account_drop_name(unsigned why)
{
	if (why < TRACK_DROPS)
		return track_drop_names[why];
	return why == ACCOUNT_HANDOVER_FULL ? "handover_full" : "unknown";
}
