/* bestfit.h - one byte for a character, as Windows-1252 servers choose it. */
#ifndef TAPIR_ANALYZERS_HTTP_BESTFIT_H
#define TAPIR_ANALYZERS_HTTP_BESTFIT_H

#include <stdint.h>

uint8_t http_bestfit(uint32_t code, uint8_t otherwise);

#endif
