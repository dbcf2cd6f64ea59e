// The camera: turned on, off, and read as JPEG frames. Used by the live selfie and the photos of a twin.
const WHY = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "none", OverconstrainedError: "none" };

// Throws { reason }: "refused", "none" or "busy".
export async function turnOn(video, size) {
  try {
    if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError"); // an address without https has none
    video.srcObject = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "user", ...size } });
    video.hidden = false;
    await video.play();
  } catch (error) {
    turnOff(video);
    throw { reason: WHY[error.name] ?? "busy" };
  }
}
export function turnOff(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.hidden = true;
}

const canvas = document.createElement("canvas");
// As the camera sees, no mirror; at most `longest` px on the longer side.
export async function frameOf(video, longest, quality) {
  const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((made) => canvas.toBlob(made, "image/jpeg", quality));
}
