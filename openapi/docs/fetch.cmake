# Fetches what the docs page is made with, as the lock file has it: cmake -DNPM=npm -DFROM=docs -DTO=folder -DLICENSES=file
# -P fetch.cmake. No package's scripts are run: one of them would report the installation to its maker.
file(MAKE_DIRECTORY ${TO})
file(COPY ${FROM}/package.json ${FROM}/package-lock.json DESTINATION ${TO})
execute_process(
  COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
  WORKING_DIRECTORY ${TO} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "npm could not fetch swagger-ui-dist, which the docs page is made with. Without a registry, configure with "
    "-DCUSTOMERD_DOCS_PAGE=OFF to build without the page. npm said:\n${said}")
endif()
file(READ ${TO}/node_modules/swagger-ui-dist/LICENSE all)
foreach(name NOTICE swagger-ui-bundle.js.LICENSE.txt)
  if(EXISTS ${TO}/node_modules/swagger-ui-dist/${name})
    file(READ ${TO}/node_modules/swagger-ui-dist/${name} text)
    string(APPEND all "\n----\n\n${text}")
  endif()
endforeach()
file(WRITE ${LICENSES} "This page is made with Swagger UI (swagger-ui-dist).\n\n${all}")
