// The dashboard's conveniences. Every page works without them.

import { offerCopies } from "./copy.js";
import { tick } from "./clock.js";
import { goLive } from "./live.js";

offerCopies(document);
tick();
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
goLive((region) => offerCopies(region));
