/* A person has a failed file fetched or converted again; the card tells how it goes on. */

import * as api from "./api.js";
import { errorText } from "./dom.js";
import { note, warn } from "./toast.js";
import { t } from "./words.js";

export async function retry(media) {
  try {
    await api.post(`/api/v1/media/${media.id}/retry`);
    note(t("Trying again"), { ic: "refresh" });
  } catch (error) {
    warn(errorText(error));
  }
}
