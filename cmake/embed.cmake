# embed.cmake - a file as a C array: cmake -DIN=... -DOUT=... -DNAME=... -P embed.cmake
file(READ ${IN} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT} "/* Made from ${NAME} by cmake/embed.cmake. */
static const unsigned char ${NAME}[] __attribute__((aligned(8))) = {
${hex}
};
")
