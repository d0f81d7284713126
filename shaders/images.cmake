# Kernels between an application's images and tensors: a table of its own, which only programs link that bind images.

#      kind    name                 source                what it works on              push constants
kernel(read    image_read_sampled   image_read.comp       DEFINE SOURCE_SAMPLED=1       PUSH ImageReadParams)
kernel(read    image_read_rgba8     image_read.comp       DEFINE SOURCE_STORAGE=rgba8   PUSH ImageReadParams)
kernel(read    image_read_rgba16f   image_read.comp       DEFINE SOURCE_STORAGE=rgba16f PUSH ImageReadParams)
kernel(read    image_read_copy      image_read.comp                                     PUSH ImageReadParams)
kernel(scale   image_rows           image_rows.comp                                     PUSH ImageRowsParams)
kernel(scale   image_to_tensor      image_to_tensor.comp                                PUSH ImageToTensorParams)
kernel(write   image_write_rgba8    tensor_to_image.comp  DEFINE TARGET=rgba8 TARGET_BYTES=1  PUSH TensorToImageParams)
kernel(write   image_write_rgba16f  tensor_to_image.comp  DEFINE TARGET=rgba16f         PUSH TensorToImageParams)
kernel(write   image_write_copy     tensor_to_image.comp                                PUSH TensorToImageParams)
