// Between MainActivity.java and PictureClassifier: the network out of the app's assets, the pixels out of a Bitmap.
#include <android/asset_manager_jni.h>
#include <android/bitmap.h>
#include <jni.h>

#include <memory>

#include "picture_classifier.h"

namespace {

jstring text(JNIEnv* env, const std::string& value) { return env->NewStringUTF(value.c_str()); }

std::string read(JNIEnv* env, jstring value) {
  const char* chars = env->GetStringUTFChars(value, nullptr);
  std::string out = chars ? chars : "";
  if (chars) env->ReleaseStringUTFChars(value, chars);
  return out;
}

void fail(JNIEnv* env, const std::string& message) {
  env->ThrowNew(env->FindClass("java/lang/IllegalStateException"), message.c_str());
}

}  // namespace

// A handle for the other two functions; 0 with a Java exception.
extern "C" JNIEXPORT jlong JNICALL Java_org_nibble_sample_MainActivity_open(JNIEnv* env, jclass, jobject assets,
                                                                            jstring name, jstring cache) {
  AAsset* asset = AAssetManager_open(AAssetManager_fromJava(env, assets), read(env, name).c_str(), AASSET_MODE_BUFFER);
  if (!asset) return fail(env, "no network in the app's assets"), 0;
  const void* bytes = AAsset_getBuffer(asset);
  const auto size = static_cast<size_t>(AAsset_getLength64(asset));
  auto made = PictureClassifier::create({static_cast<const std::byte*>(bytes), bytes ? size : 0}, read(env, cache));
  AAsset_close(asset);
  if (!made) return fail(env, made.error().message), 0;
  return reinterpret_cast<jlong>(new PictureClassifier(std::move(*made)));
}

extern "C" JNIEXPORT jstring JNICALL Java_org_nibble_sample_MainActivity_classify(JNIEnv* env, jclass, jlong handle,
                                                                                  jobject bitmap) {
  AndroidBitmapInfo info{};
  void* pixels = nullptr;
  if (AndroidBitmap_getInfo(env, bitmap, &info) != 0 || info.format != ANDROID_BITMAP_FORMAT_RGBA_8888 ||
      AndroidBitmap_lockPixels(env, bitmap, &pixels) != 0) {
    return fail(env, "the bitmap is not ARGB_8888"), nullptr;
  }
  const std::span<const uint8_t> bytes(static_cast<const uint8_t*>(pixels), size_t{info.stride} * info.height);
  auto best = reinterpret_cast<PictureClassifier*>(handle)->classify(bytes, info.width, info.height, info.stride);
  AndroidBitmap_unlockPixels(env, bitmap);
  if (!best) return fail(env, best.error().message), nullptr;
  return text(env, *best);
}

extern "C" JNIEXPORT void JNICALL Java_org_nibble_sample_MainActivity_close(JNIEnv*, jclass, jlong handle) {
  delete reinterpret_cast<PictureClassifier*>(handle);
}
