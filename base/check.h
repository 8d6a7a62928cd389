/* check.h - what a unit test includes: cmocka with the headers it expects first. */
#ifndef TAPIR_BASE_CHECK_H
#define TAPIR_BASE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"

#endif
