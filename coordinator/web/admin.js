// What administrators' pages do better with a script. Everything works without it.
'use strict';

// Buttons that copy what is shown once; without a script people select it.
for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(source.textContent);
    const said = button.nextElementSibling;
    said.textContent = button.dataset.done;
  });
}

// Pictures that cannot be had leave their place to a word.
function missing(img) {
  img.hidden = true;
  img.closest('.pic')?.classList.add('none');
}
for (const img of document.querySelectorAll('.pic img')) {
  if (img.complete && !img.naturalWidth) missing(img);
  img.addEventListener('error', () => missing(img));
}

// A live part is fetched anew every few seconds while somebody looks at it, and never
// while the keyboard is in it. The server says how often, and is asked less often when
// it does not answer.
const live = document.querySelector('[data-live]');
if (live) {
  const every = Number(live.dataset.live) * 1000;
  let wait = every;
  const turn = async () => {
    try {
      if (!document.hidden && !live.contains(document.activeElement)) {
        const answer = await fetch(location.href, { headers: { accept: 'text/html' }, credentials: 'same-origin' });
        if (answer.redirected || answer.status === 401 || answer.status === 403) return location.reload();
        if (!answer.ok) throw new Error(answer.statusText);
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const fresh = page.querySelector('[data-live]');
        if (fresh) live.replaceChildren(...fresh.childNodes);
        wait = every;
      }
    } catch {
      wait = Math.min(wait * 2, 60000);
    }
    setTimeout(turn, wait);
  };
  setTimeout(turn, every);
}
