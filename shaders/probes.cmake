# Kernels that measure a device for nibble-bench --roofline: a table of its own that only the tools link.

#      kind    name              source                what it works on      what it needs   push constants
kernel(fma     fma_f32           probes/fma.comp       TYPES A=f32                           PUSH ProbeParams)
kernel(fma     fma_f16           probes/fma.comp       TYPES A=f16           NEEDS float16   PUSH ProbeParams)
kernel(dot     dot_i8_dot        probes/dot.comp       PATH dot              NEEDS dot8      PUSH ProbeParams)
kernel(dot     dot_i8_shift      probes/dot.comp       PATH shift                            PUSH ProbeParams)
kernel(dot     dot_i8_f32        probes/dot.comp       PATH f32                              PUSH ProbeParams)
kernel(unpack  unpack_i8_f32     probes/unpack.comp    TYPES W=i8                            PUSH ProbeParams)
kernel(unpack  unpack_i4_f32     probes/unpack.comp    TYPES W=i4                            PUSH ProbeParams)
kernel(read    read_words        probes/read.comp                                            PUSH ProbeParams)
kernel(copy    copy_words        probes/copy.comp                                            PUSH ProbeParams)
kernel(count   count_dispatches  probes/count.comp                                           PUSH ProbeParams)
