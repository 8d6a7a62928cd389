# table.cmake - tables made from the files or folders that are there.
#
#   tapir_table(OUT HEADER capture/device.h STRUCT device_kind SYMBOL device_kind_
#               ARRAY device_kinds COUNT device_kind_count FILES devices/*.c)
#
# writes a .c file with
#   const struct device_kind *const device_kinds[] = { &device_kind_afxdp, ..., NULL };
#   const unsigned device_kind_count = ...;
# one entry per name, sorted, and hands its path out in OUT. FILES makes a name of
# each matching file (tests left out); FOLDERS of each folder F that holds F/F.c.
# SKIP is a regular expression on names to leave out. Where the header isn't there
# (yet), nothing is made and OUT is empty.

function(tapir_table out)
	cmake_parse_arguments(arg "FOLDERS" "HEADER;STRUCT;SYMBOL;ARRAY;COUNT;FILES;SKIP" "" ${ARGN})
	set(${out} "" PARENT_SCOPE)
	file(GLOB header CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${arg_HEADER})
	if(NOT header)
		return()
	endif()
	set(names)
	if(arg_FOLDERS)
		file(GLOB found RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS */*.c)
		foreach(file IN LISTS found)
			if(file MATCHES "^([^/]+)/([^/]+)\\.c$" AND CMAKE_MATCH_1 STREQUAL CMAKE_MATCH_2)
				list(APPEND names ${CMAKE_MATCH_1})
			endif()
		endforeach()
	else()
		file(GLOB found RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS ${arg_FILES})
		foreach(file IN LISTS found)
			get_filename_component(name ${file} NAME_WE)
			if(NOT name MATCHES "_test$")
				list(APPEND names ${name})
			endif()
		endforeach()
	endif()
	if(arg_SKIP)
		list(FILTER names EXCLUDE REGEX "${arg_SKIP}")
	endif()
	list(SORT names)
	list(LENGTH names count)
	set(text "/* Made by cmake/table.cmake from what is in the folder. */\n")
	string(APPEND text "#include <stddef.h>\n\n#include \"${arg_HEADER}\"\n\n")
	foreach(name IN LISTS names)
		string(MAKE_C_IDENTIFIER ${name} id)
		string(APPEND text "extern const struct ${arg_STRUCT} ${arg_SYMBOL}${id};\n")
	endforeach()
	string(APPEND text "\nconst struct ${arg_STRUCT} *const ${arg_ARRAY}[] = {\n")
	foreach(name IN LISTS names)
		string(MAKE_C_IDENTIFIER ${name} id)
		string(APPEND text "\t&${arg_SYMBOL}${id},\n")
	endforeach()
	string(APPEND text "\tNULL,\n};\nconst unsigned ${arg_COUNT} = ${count};\n")
	set(path ${PROJECT_BINARY_DIR}/generated/tables/${arg_ARRAY}.c)
	file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
	set(${out} ${path} PARENT_SCOPE)
endfunction()
