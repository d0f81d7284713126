/* Runs a network with one float input on a ramp of values and prints its best output: the engine from C. */
#include <nibble/nibble_c.h>

#include <stdio.h>
#include <stdlib.h>

/* Prints and frees an error; tells whether there was one. */
static int failed(nbl_error* error) {
  if (!error) return 0;
  fprintf(stderr, "error %d: %s\n", (int)nbl_error_code(error), nbl_error_message(error));
  nbl_error_free(error);
  return 1;
}

static int run(nbl_session* session) {
  nbl_tensor_info input = NBL_INIT(nbl_tensor_info), output = NBL_INIT(nbl_tensor_info);
  float *image, *scores;
  size_t i, best = 0;
  int bad;
  if (failed(nbl_session_input(session, 0, &input)) || failed(nbl_session_output(session, 0, &output))) return 1;
  image = calloc((size_t)input.elements, sizeof(float));
  scores = calloc((size_t)output.elements, sizeof(float));
  if (!image || !scores) return 1;
  for (i = 0; i < input.elements; ++i) image[i] = (float)i / (float)input.elements;

  bad = failed(nbl_session_write(session, NULL, NBL_F32, image, (size_t)input.elements)) ||
        failed(nbl_session_run(session)) ||
        failed(nbl_session_read(session, output.name, NBL_F32, scores, (size_t)output.elements));
  for (i = 1; !bad && i < output.elements; ++i) {
    if (scores[i] > scores[best]) best = i;
  }
  if (!bad) printf("best output %u of %u: %f\n", (unsigned)best, (unsigned)output.elements, (double)scores[best]);
  free(image);
  free(scores);
  return bad;
}

int main(int argc, char** argv) {
  nbl_device* device = NULL;
  nbl_model* model = NULL;
  nbl_session* session = NULL;
  int bad;
  if (argc != 2) {
    fprintf(stderr, "usage: classify_c MODEL.nbl\n");
    return 2;
  }
  bad = failed(nbl_device_open(NULL, &device)) || failed(nbl_model_load_file(argv[1], &model)) ||
        failed(nbl_session_create(device, model, NULL, &session));
  if (!bad) printf("nibble %s on %s\n", nbl_version(), nbl_device_name(device));
  bad = bad || run(session);
  nbl_session_free(session);
  nbl_model_free(model);
  nbl_device_close(device);
  return bad;
}
