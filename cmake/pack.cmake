foreach(name ${NAMES})
  execute_process(COMMAND gzip -9 -n -c ${DIST}/${name} OUTPUT_FILE ${OUT}/${name}.gz
    RESULT_VARIABLE result)
  if(result)
    message(FATAL_ERROR "cannot pack ${name}")
  endif()
endforeach()
