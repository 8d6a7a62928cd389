/* ftp.h - what the FTP control connection tells a data connection it announces. */
#ifndef TAPIR_ANALYZERS_FTP_H
#define TAPIR_ANALYZERS_FTP_H

#include <stdint.h>

/* The context that analysis_expect hands on: this head, then the file's name. */
struct ftp_announcement {
	char command[5];        /* "RETR", "STOR", "NLST", …, ended by NUL */
	uint8_t server_is_client;       /* active mode: the FTP server opens the data connection */
	uint8_t has_file;       /* a transfer, not a listing */
};

#endif
