# layer.cmake - a layer: a folder of .c files, linked with every layer before it.
#
#   tapir_layer(capture LIBS lib::pcap SKIP "^devices/afxdp")
#
# makes the static library tapir_capture from all *.c below the folder, except
# tests, BPF programs and what SKIP (a regular expression on the path inside the
# layer) matches, and a ctest from each *_test.c. A layer without files is fine.

set_property(GLOBAL PROPERTY TAPIR_LAYER_LAST tapir_flags)

function(tapir_layer name)
	cmake_parse_arguments(arg "" "SKIP" "LIBS;GENERATED" ${ARGN})
	get_property(below GLOBAL PROPERTY TAPIR_LAYER_LAST)
	file(GLOB_RECURSE all RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.c)
	set(code ${arg_GENERATED})
	set(tests)
	foreach(file IN LISTS all)
		if(file MATCHES "\\.bpf\\.c$" OR (arg_SKIP AND file MATCHES "${arg_SKIP}"))
			continue()
		elseif(file MATCHES "_test\\.c$")
			list(APPEND tests ${file})
		else()
			list(APPEND code ${file})
		endif()
	endforeach()
	if(code)
		add_library(tapir_${name} STATIC ${code})
		target_link_libraries(tapir_${name} PUBLIC ${below} ${arg_LIBS})
	else()
		add_library(tapir_${name} INTERFACE)
		target_link_libraries(tapir_${name} INTERFACE ${below} ${arg_LIBS})
	endif()
	set_property(GLOBAL PROPERTY TAPIR_LAYER_LAST tapir_${name})
	foreach(file IN LISTS tests)
		tapir_unit_test(${CMAKE_CURRENT_SOURCE_DIR}/${file} tapir_${name})
	endforeach()
endfunction()

# A cmocka program from one file, registered under its path without the suffix.
function(tapir_unit_test file)
	cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "" ${ARGN})
	if(NOT TAPIR_TESTS)
		return()
	endif()
	if(NOT arg_LABEL)
		set(arg_LABEL unit)
	endif()
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 120)
	endif()
	file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${file})
	string(REGEX REPLACE "\\.c$" "" path ${path})
	string(REPLACE "/" "." target ${path})
	add_executable(${target} ${file})
	target_link_libraries(${target} PRIVATE ${arg_UNPARSED_ARGUMENTS} lib::cmocka)
	set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/bin)
	add_test(NAME ${path} COMMAND ${target} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
	tapir_test_properties(${path} ${arg_LABEL} ${arg_TIMEOUT})
endfunction()

function(tapir_test_properties test label timeout)
	set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
		ENVIRONMENT "TAPIR=${PROJECT_BINARY_DIR}/tapir;TAPIR_BUILD=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1;UBSAN_OPTIONS=print_stacktrace=1;ASAN_OPTIONS=detect_stack_use_after_return=1")
endfunction()
