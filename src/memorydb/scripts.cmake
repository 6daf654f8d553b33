# customerd_scripts(OUT PREFIX NAME... LIBRARIES LIBRARY...): OUT names the C file that is made of scripts/NAME.lua of the folder that
# calls. "PREFIX_NAME" are the constants, which the folder's scripts.h declares; without their "script_" they are the names in
# metrics. "--@include x" stands for scripts/lib/x.lua.
set(CUSTOMERD_EMBED_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/embed_scripts.cmake)
function(customerd_scripts out prefix)
  cmake_parse_arguments(PARSE_ARGV 2 scripts "" "" "LIBRARIES")
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scripts)
  list(TRANSFORM scripts_UNPARSED_ARGUMENTS PREPEND ${folder}/ OUTPUT_VARIABLE files)
  list(TRANSFORM scripts_LIBRARIES PREPEND ${folder}/lib/ OUTPUT_VARIABLE libraries)
  set(inputs ${files} ${libraries})
  list(TRANSFORM inputs APPEND .lua)
  list(JOIN scripts_UNPARSED_ARGUMENTS " " names)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/scripts.c)
  add_custom_command(OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -DOUT=${made} -DDIR=${folder} -DPREFIX=${prefix} "-DNAMES=${names}" -P ${CUSTOMERD_EMBED_SCRIPTS}
    DEPENDS ${inputs} ${CUSTOMERD_EMBED_SCRIPTS}
    VERBATIM)
  set(${out} ${made} PARENT_SCOPE)
endfunction()
