/* cases_own.h - the tables' parts, for their own files. */
#ifndef TAPIR_TESTS_EVASION_CASES_OWN_H
#define TAPIR_TESTS_EVASION_CASES_OWN_H

#include "tests/evasion/cases.h"

extern const struct evasion_group evasion_ip[], evasion_begin[], evasion_data[], evasion_end[], evasion_found[];
extern const size_t evasion_ip_count, evasion_begin_count, evasion_data_count, evasion_end_count, evasion_found_count;

#endif
