# Cross-compiling for macOS on arm64 with zig. Used by tests/macos_cross.sh, which makes OF3_MACOS, a folder with the
# compilers' commands in bin/, and the headers and exported names of libraries in root/, and MLX in mlx/.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(CMAKE_C_COMPILER ${OF3_MACOS}/bin/cc)
set(CMAKE_CXX_COMPILER ${OF3_MACOS}/bin/c++)
set(CMAKE_AR ${OF3_MACOS}/bin/ar)
set(CMAKE_RANLIB ${OF3_MACOS}/bin/ranlib)
set(CMAKE_INSTALL_NAME_TOOL true) # nothing is installed
set(CMAKE_OSX_SYSROOT "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "")
set(CMAKE_FIND_ROOT_PATH ${OF3_MACOS}/root ${OF3_MACOS}/mlx)
foreach(kind LIBRARY INCLUDE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(ENV{PKG_CONFIG_LIBDIR} ${OF3_MACOS}/root/lib/pkgconfig)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OF3_MACOS)
