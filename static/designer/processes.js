// The processes list: what the form's answer leaves outside the swapped part is brought along.
document.addEventListener('htmx:afterSwap', event => {
  const count = event.detail.xhr?.responseText && new DOMParser().parseFromString(event.detail.xhr.responseText, 'text/html').getElementById('foot');
  if (count && event.target.id === 'found') document.getElementById('foot')?.replaceWith(count);
});
