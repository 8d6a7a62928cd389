# bpf.cmake - BPF programs, compiled by clang and carried inside the binary.
#
#   tapir_bpf(OUT xdp/steer.bpf.c)
#
# compiles each program and makes generated/LAYER/xdp/steer.bpf.h with
#   static const unsigned char steer_bpf[] (the ELF object, aligned to 8)
# which the one file that loads it includes as "LAYER/xdp/steer.bpf.h". OUT gets the
# headers; put them among the layer's GENERATED files so that they are made first.

function(tapir_bpf out)
	set(headers)
	file(RELATIVE_PATH layer ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
	foreach(file IN LISTS ARGN)
		get_filename_component(name ${file} NAME_WE)
		get_filename_component(folder ${file} DIRECTORY)
		set(object ${PROJECT_BINARY_DIR}/generated/${layer}/${folder}/${name}.bpf.o)
		set(header ${PROJECT_BINARY_DIR}/generated/${layer}/${folder}/${name}.bpf.h)
		file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/generated/${layer}/${folder})
		set(arch)
		if(CMAKE_C_LIBRARY_ARCHITECTURE)
			# <asm/types.h> lives in the multiarch folder, which clang leaves out for bpf.
			set(arch -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE})
		endif()
		add_custom_command(OUTPUT ${object}
			COMMAND ${TAPIR_BPF_CLANG} -target bpf -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter
				-I${PROJECT_SOURCE_DIR} ${arch} -MD -MF ${object}.d -MT ${object}
				-c ${CMAKE_CURRENT_SOURCE_DIR}/${file} -o ${object}
			DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file}
			DEPFILE ${object}.d
			COMMENT "BPF ${layer}/${file}" VERBATIM)
		add_custom_command(OUTPUT ${header}
			COMMAND ${CMAKE_COMMAND} -DIN=${object} -DOUT=${header} -DNAME=${name}_bpf
				-P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
			DEPENDS ${object} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
			COMMENT "Embedding ${name}.bpf.o" VERBATIM)
		list(APPEND headers ${header})
	endforeach()
	set(${out} ${headers} PARENT_SCOPE)
endfunction()
