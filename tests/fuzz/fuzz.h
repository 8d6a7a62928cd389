/* fuzz.h - what the fuzz targets share.
 *
 * A target is fuzz_NAME.c with the function libFuzzer calls; its seeds lie in
 * corpus/NAME/. It is linked twice: with libFuzzer (preset fuzz), and with
 * driver.c, which runs the seeds and simple damage to them in every test run. */
#ifndef TAPIR_TESTS_FUZZ_H
#define TAPIR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file with this content, for code that opens its input by name: a path that is
 * good until the next call. */
const char *fuzz_file(const void *data, size_t size);

#endif
