# flags.cmake - the language, the warnings, the sanitizers.

option(TAPIR_WERROR "Warnings are errors (gcc up to 12, clang up to 14)" OFF)
option(TAPIR_TESTS "Build the tests" ON)
option(TAPIR_FUZZ "Build the libFuzzer targets (clang)" OFF)
option(TAPIR_MALLOC_GUARD "Build the check for malloc in the packet path (base/guard.h; needs the address sanitizer)" OFF)
set(TAPIR_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

find_program(TAPIR_CCACHE ccache)
mark_as_advanced(TAPIR_CCACHE)
if(TAPIR_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
	# Worktrees share what they compile: paths inside the tree don't count.
	set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
		CCACHE_NOHASHDIR=1 ${TAPIR_CCACHE})
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(tapir_flags INTERFACE)
target_compile_options(tapir_flags INTERFACE -Wall -Wextra -Wshadow -Wvla -fno-strict-aliasing
	-fno-omit-frame-pointer)
target_compile_definitions(tapir_flags INTERFACE _GNU_SOURCE TAPIR_VERSION="${PROJECT_VERSION}")
target_include_directories(tapir_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include
	${PROJECT_BINARY_DIR}/generated)
target_link_libraries(tapir_flags INTERFACE Threads::Threads m ${CMAKE_DL_LIBS})
# Newer compilers know warnings that these two don't; there they stay warnings.
if(TAPIR_WERROR AND ((CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 13)
		OR (CMAKE_C_COMPILER_ID MATCHES "Clang" AND CMAKE_C_COMPILER_VERSION VERSION_LESS 15)))
	target_compile_options(tapir_flags INTERFACE -Werror)
endif()
if(TAPIR_MALLOC_GUARD)
	target_compile_definitions(tapir_flags INTERFACE TAPIR_MALLOC_GUARD=1)
endif()
if(TAPIR_SANITIZE)
	target_compile_options(tapir_flags INTERFACE -fsanitize=${TAPIR_SANITIZE} -fno-sanitize-recover=all)
	target_link_options(tapir_flags INTERFACE -fsanitize=${TAPIR_SANITIZE})
	if(TAPIR_SANITIZE MATCHES "undefined")
		# memcpy of nothing from NULL (an empty slice): C2y defines it, and no platform minds.
		target_compile_options(tapir_flags INTERFACE -fno-sanitize=nonnull-attribute)
	endif()
	if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND TAPIR_SANITIZE MATCHES "undefined")
		# Clang counts NULL + 0 (an empty slice) as an overflow; C2y defines it.
		target_compile_options(tapir_flags INTERFACE -fno-sanitize=pointer-overflow)
	endif()
endif()
if(TAPIR_FUZZ)
	target_compile_options(tapir_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
