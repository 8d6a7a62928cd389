/* commands.c - the commands there are. */
#include "cli/options.h"

const struct command *const commands[] = {
	&command_run, &command_ctl,
	&command_rules_check, &command_rules_list,
	&command_rules_explain, &command_rules_profile, &command_rules_test, &command_rules_keywords,
	&command_devices, &command_analyzers_list, &command_outputs,
	&command_impair, &command_send, &command_ping, &command_connect, &command_listen,
};
const unsigned command_count = sizeof(commands) / sizeof(commands[0]);
