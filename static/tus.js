// Sends a photo in pieces, by the tus protocol 1.0. After a broken connection it goes on with what is missing.
const PIECE = 4 * 1024 * 1024; // bytes; of a piece that breaks off the server keeps what arrived
const TUS = { "Tus-Resumable": "1.0.0" };
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const offsetOf = (answer) => Number(answer.headers.get("Upload-Offset"));
const piece = (file, offset) => ({
  headers: { ...TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": offset },
  body: file.slice(offset, offset + PIECE),
});

// `ask(url, options)` repeats a request until the server answers; `options(tries)` makes it anew each time.
// `told(share)` hears how much has arrived. Returns { status, said }: the photo's id, or the refusal.
// The key makes it one upload, also after a reload.
export async function upload(api, file, key, ask, told) {
  const begin = { ...TUS, "Upload-Length": file.size, "Upload-Metadata": `filename ${base64(file.name.slice(-120))}`, "Idempotency-Key": key };
  let answer = await ask(api, (tries) => {
    const { headers, body } = tries || !file.size ? { headers: {} } : piece(file, 0); // with the first piece, once
    return { method: "POST", headers: { ...headers, ...begin }, body };
  });
  const where = answer.headers.get("Location");
  for (let offset = offsetOf(answer); answer.ok && offset < file.size;) {
    told(offset / file.size);
    answer = await ask(where, async (tries) => {
      if (tries) offset = offsetOf(await fetch(where, { method: "HEAD", headers: TUS }));
      return { method: "PATCH", ...piece(file, offset) };
    });
    if (answer.ok) offset = offsetOf(answer);
    else if (answer.status === 409) {
      const said = await answer.json();
      if (said.code !== "wrong_offset") return { status: 409, said };
      ({ offset } = said); // a piece that had broken off was still being stored
      answer = { ok: true };
    }
  }
  if (!answer.ok) return { status: answer.status, said: await answer.json().catch(() => ({})) };
  return { status: 201, said: { id: where.split("/").pop() } };
}
