"""The engine for Conan 2: conan create third_party/conan. It packages the sources it lies in."""

import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class NibbleConan(ConanFile):
    name = "nibble"
    version = "0.1.0"
    license = "Apache-2.0"
    description = "int8 and int4 neural networks on any Vulkan GPU: the engine"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "zstd": [True, False]}
    default_options = {"shared": False, "zstd": False}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, os.pardir, os.pardir)
        for pattern in ("CMakeLists.txt", "LICENSE", "engine/*", "shaders/*", "third_party/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("vulkan-headers/1.3.239.0")
        self.requires("flatbuffers/23.5.26", visible=False)
        if self.options.zstd:
            self.requires("zstd/1.5.5")

    def build_requirements(self):
        self.tool_requires("flatbuffers/23.5.26")
        self.tool_requires("glslang/1.3.239.0")

    def generate(self):
        toolchain = CMakeToolchain(self)
        for part in ("TOOLS", "CONVERTER", "SAMPLES", "TESTS"):
            toolchain.cache_variables[f"NIBBLE_BUILD_{part}"] = False
        toolchain.cache_variables["NIBBLE_ZSTD"] = bool(self.options.zstd)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_target_name", "nibble::nibble")
        self.cpp_info.libs = ["nibble"]
        if self.options.shared:
            self.cpp_info.defines = ["NIBBLE_USING_SHARED"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread", "dl"]
