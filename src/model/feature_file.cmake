# Features in safetensors files: a library of its own, so that the window `of3 features` needs no network.
set(here ${CMAKE_CURRENT_LIST_DIR})
of3_library(feature_file ${here}/feature_conformers.c ${here}/feature_fields.c ${here}/feature_file.c)
target_link_libraries(of3_feature_file PUBLIC of3_feat of3_io)
